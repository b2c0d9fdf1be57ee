"""What a severity promises: by when somebody takes an incident, how often they say how it stands,
and how often it is said again that nobody does."""

from __future__ import annotations

from datetime import timedelta

from controltower.firm.models import Role
from controltower.firm.rights import WHO, Right
from controltower.incidents.models import Incident, Severity

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
REMINDED_EVERY = {
    Severity.HIGHEST: timedelta(hours=8),
    Severity.HIGH: timedelta(days=1),
    Severity.MODERATE: timedelta(days=1),
}
"""Once a shift, else once a day: everybody has been told by then, and who is told more often
silences it, and with it the next one."""
QUIET_FOR = timedelta(minutes=30)
"""How long nothing of it may show before an incident is resolved."""


def takers(incident: Incident) -> frozenset[Role]:
    """The roles one of which has to take it: whose it is and, where those may not lead, the
    operator."""
    role = Role(incident.owner_role)
    return frozenset({role} if role in WHO[Right.LEAD_INCIDENT] else {role, Role.OPERATOR})
