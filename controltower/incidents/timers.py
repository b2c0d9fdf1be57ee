"""The timers of an incident: when it must be taken, or its lead must say how it stands."""

from __future__ import annotations

from datetime import datetime

from controltower.incidents import notices
from controltower.incidents.models import Incident, IncidentState, Severity
from controltower.incidents.promises import ACKNOWLEDGED_WITHIN, REMINDED_EVERY, UPDATED_WITHIN


def wind_up(incident: Incident, now: datetime) -> None:
    """Set the timer that the incident's state and severity ask for, from when its holder hears."""
    severity = Severity(incident.severity)
    waits = incident.state == IncidentState.TRIGGERED
    led = incident.state in {IncidentState.ACKNOWLEDGED, IncidentState.MITIGATED}
    since = notices.heard_at(incident, now) if waits or led else now
    incident.acknowledge_by = since + ACKNOWLEDGED_WITHIN[severity] if waits else None
    incident.update_by = since + UPDATED_WITHIN[severity] if led else None
    incident.remind_at = None


def remind_later(incident: Incident, now: datetime) -> None:
    """Nobody else can be asked: what is overdue stays so, and is said again in a while."""
    incident.remind_at = now + REMINDED_EVERY[Severity(incident.severity)]
