"""One incident with one owner for a connection that refuses our sign-in, as long as it does."""

from __future__ import annotations

from datetime import datetime

from controltower.incidents import watch
from controltower.incidents.models import Incident
from controltower.systems import holding

SUBJECT = "sign-in "


def follow(*, now: datetime) -> bool:
    """Open and close the incidents of held connections; whether any is held."""
    held = {f"{SUBJECT}{slug}"[:40]: systems for slug, systems in holding.refused().items()}
    for subject, systems in held.items():
        names = " and ".join(system.title for system in systems)
        affected = [f"{system.title}: {system.refusal}"[:200] for system in systems]
        title = f"Our sign-in to {names} is refused"[:200]
        watch.report(subject=subject, title=title, affected=affected, systems=systems, now=now)
    over = Incident.objects.open().filter(subject__startswith=SUBJECT)
    for subject in over.exclude(subject__in=held).values_list("subject", flat=True):
        watch.holds(subject=subject, now=now)
    return bool(held)
