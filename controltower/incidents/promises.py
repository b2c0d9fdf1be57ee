"""What a severity promises: by when somebody takes an incident, and how often they say how it
stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from controltower.firm.models import Role
from controltower.firm.rights import WHO, Right
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


def takers(incident: Incident) -> frozenset[Role]:
    """The roles one of which has to take it: whose it is and, where those may not lead, the
    operator."""
    role = Role(incident.owner_role)
    return frozenset({role} if role in WHO[Right.LEAD_INCIDENT] else {role, Role.OPERATOR})


def wind_up(incident: Incident, now: datetime) -> None:
    """Set the timer that the incident's state and severity ask for."""
    severity = Severity(incident.severity)
    waits = incident.state == IncidentState.TRIGGERED
    incident.acknowledge_by = now + ACKNOWLEDGED_WITHIN[severity] if waits else None
    led = incident.state in {IncidentState.ACKNOWLEDGED, IncidentState.MITIGATED}
    incident.update_by = now + UPDATED_WITHIN[severity] if led else None
