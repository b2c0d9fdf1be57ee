"""An incident ahead of time for what runs out: with an owner while there is time to act."""

from __future__ import annotations

from datetime import datetime, timedelta

from controltower.firm.models import Role
from controltower.incidents import watch
from controltower.incidents.models import Incident, Severity
from controltower.systems import expiring
from controltower.systems.expiring import Expiry, What

SUBJECT = "expiry:"
SOON = timedelta(days=7)
OWNERS = {What.CREDENTIAL: Role.ADMINISTRATOR}
"""Who sees to it; else the operator."""


def follow(*, now: datetime) -> int:
    """Open and close the incidents of what runs out; returns how many are due."""
    expiring.read_credentials(now=now)
    due = {_subject(one): one for one in expiring.look(now) if one.is_due(now)}
    for subject, one in due.items():
        watch.report(
            subject=subject, title=title_of(one, now), severity=_severity(one, now),
            owner_role=OWNERS.get(one.what, Role.OPERATOR), now=now,
        )  # fmt: skip
    over = Incident.objects.open().filter(subject__startswith=SUBJECT).exclude(subject__in=due)
    for subject in over.values_list("subject", flat=True):
        watch.holds(subject=subject, now=now)
    return len(due)


def title_of(one: Expiry, now: datetime) -> str:
    """What runs out, and when."""
    day = f"{one.at:%Y-%m-%d}"
    ended = one.is_over(now)
    match one.what:
        case What.CREDENTIAL:
            return f"{one.system}: “{one.name}” {'expired' if ended else 'expires'} on {day}"
        case What.INTERFACE:
            verb = "ended" if ended else "ends"
            return f"{one.system} {verb} its interface “{one.name}” on {day}"
        case What.SUBSCRIPTION:
            told = f"{one.system}: the subscription that tells us of {one.name}"
            ends = f"{'ended' if ended else 'ends'} on {day}"
            return f"{told} is of no use. {one.trouble}" if one.trouble else f"{told} {ends}"
    verb = "may be lost since" if ended else "are lost from"
    return f"{one.system}: changes of {one.name} were not read and {verb} {day}"


def _subject(one: Expiry) -> str:
    return f"{SUBJECT}{one.system.pk}:{one.what}:{one.name}"[:80]


def _severity(one: Expiry, now: datetime) -> Severity:
    return Severity.HIGH if one.at - now < SOON else Severity.MODERATE
