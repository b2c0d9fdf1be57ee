"""An incident's timeline: each line is written with the figures of its moment, and audited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.incidents import notices
from controltower.incidents.models import EntryKind, Incident, IncidentEntry
from controltower.transactions import bell

TOWER = "tower"
Figures = Sequence[dict[str, Any]]


def tell(
    incident: Incident,
    kind: EntryKind,
    text: str,
    *,
    by: Person | str,
    now: datetime,
    figures: Figures = (),
) -> IncidentEntry:
    """Write down what has happened, in the caller's database transaction."""
    actor = by if isinstance(by, str) else by.username
    entry = IncidentEntry.objects.create(
        incident=incident, at=now, kind=kind, actor=actor, text=text[:1000], figures=list(figures)
    )
    notices.announce(entry)
    audit.record(
        actor=by,
        verb=f"incident {kind.value}",
        subject=f"incident {incident.pk}",
        allowed=True,
        now=now,
        detail={"title": incident.title, "text": text[:400], "halted": incident.halted},
    )
    bell.ring("incidents", f"incident-{incident.pk}", "tower")
    return entry
