"""Whether the tower makes headway, sampled from outside: how long it took to recover."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Count, QuerySet
from django.utils import timezone

from controltower.transactions.models import Attempt, EventState, InboundEvent, Step
from controltower.transactions.protocol import CLAIMABLE, State, Tried

DOOR, READING, CRM, ERP = "door", "reading", "crm", "erp"
_CONNECTIONS = {"salesforce-org": CRM, "tryton": ERP}


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: what was done so far and what waits to be done, by part of the tower."""

    at: float
    done: Mapping[str, int]
    waiting: Mapping[str, int]

    @property
    def headway(self) -> int:
        """What was done so far; that the pages are ready is not headway."""
        return sum(count for part, count in self.done.items() if part != DOOR)


@dataclass(slots=True)
class Recovery:
    """How long the tower took to make headway again after one kind of fault (seconds)."""

    times: int = 0
    seconds: list[float] = field(default_factory=list)
    never: int = 0

    def as_dict(self) -> dict[str, float | int]:
        """For the verdict. `measured` leaves out the times when nothing waited to be done."""
        worst = max(self.seconds, default=0.0)
        middle = median(self.seconds) if self.seconds else 0.0
        return {
            "times": self.times, "measured": len(self.seconds), "median": round(middle, 1),
            "worst": round(worst, 1), "never": self.never,
        }  # fmt: skip


def look(answered: int) -> Sample | None:
    """One sample, `answered` being how often the door was ready; None while the books are away."""
    try:
        events = _counted(InboundEvent.objects.all(), "state")
        attempts = Attempt.objects.filter(state__in=[Tried.ACKED, Tried.SKIPPED_DUPLICATE])
        done = _by_part(attempts, "step__system__connection")
        due = Step.objects.filter(state__in=[*CLAIMABLE, State.SENDING], due_at__lte=timezone.now())
        waiting = _by_part(due, "system__connection")
    except (OperationalError, InterfaceError):
        connection.close()
        return None
    unread = events.pop(EventState.RECEIVED, 0)
    return Sample(
        time.monotonic(),
        {DOOR: answered, READING: sum(events.values()), **done},
        {DOOR: 1, READING: unread, **waiting},
    )


def _counted(rows: QuerySet[Any], by: str) -> dict[str, int]:
    return dict(rows.values_list(by).annotate(Count("pk")).order_by())


def _by_part(rows: QuerySet[Any], by: str) -> dict[str, int]:
    counted = _counted(rows, by)
    return {part: counted.get(name, 0) for name, part in _CONNECTIONS.items()}


def recoveries(
    ends: Sequence[tuple[str, Sequence[str], float]], samples: Sequence[Sample]
) -> dict[str, Recovery]:
    """By kind of fault. `ends` are the faults: name, the parts of the tower that it concerns, and
    when it ended. The first headway of any of them counts, from when something waited."""
    found: dict[str, Recovery] = defaultdict(Recovery)
    for name, parts, end in ends:
        found[name].times += 1
        _note(found[name], parts, end, samples)
    return dict(found)


def _note(recovery: Recovery, parts: Sequence[str], end: float, samples: Sequence[Sample]) -> None:
    """Nothing is measured where nothing waited; who waits to the last sample never recovered."""
    before = [sample for sample in samples if sample.at <= end]
    after = [sample for sample in samples if sample.at > end]
    if not before:
        return
    base = before[-1]
    since = end if _any(base.waiting, parts) else None
    for sample in after:
        if any(sample.done[part] > base.done[part] for part in parts):
            if since is not None:
                recovery.seconds.append(sample.at - since)
            return
        if since is None and _any(sample.waiting, parts):
            since = sample.at
    recovery.never += since is not None


def _any(counts: Mapping[str, int], parts: Sequence[str]) -> bool:
    return any(counts[part] for part in parts)
