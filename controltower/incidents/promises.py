"""What a severity promises: by when somebody takes an incident, and how often they say how it
stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from controltower.incidents.models import Incident, IncidentState, Severity

ACKNOWLEDGED_WITHIN = {
    Severity.HIGHEST: timedelta(minutes=15),
    Severity.HIGH: timedelta(hours=1),
    Severity.MODERATE: timedelta(hours=4),
}
UPDATED_WITHIN = {
    Severity.HIGHEST: timedelta(minutes=30),
    Severity.HIGH: timedelta(hours=2),
    Severity.MODERATE: timedelta(hours=8),
}
QUIET_FOR = timedelta(minutes=30)
"""How long nothing of it may show before an incident is resolved."""


def wind_up(incident: Incident, now: datetime) -> None:
    """Set the timer that the incident's state and severity ask for."""
    severity = Severity(incident.severity)
    waits = incident.state == IncidentState.TRIGGERED
    incident.acknowledge_by = now + ACKNOWLEDGED_WITHIN[severity] if waits else None
    led = incident.state in {IncidentState.ACKNOWLEDGED, IncidentState.MITIGATED}
    incident.update_by = now + UPDATED_WITHIN[severity] if led else None
