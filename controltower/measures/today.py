"""The person's day: what is stuck now, and what has changed since yesterday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from controltower.incidents.models import DeadLetter
from controltower.measures.exposure import Lateness, Scope, Stake, within
from controltower.measures.held_up import HeldUp
from controltower.transactions.models import EventState, InboundEvent

PROMISED = 0.97
"""The share of transactions that the firm wants to end within their promise."""


@dataclass(frozen=True, slots=True)
class StuckNow:
    """What is stuck by lateness, in how many processes it is late, and how many more than then."""

    parts: Lateness
    late_processes: int
    change: int

    @property
    def whole(self) -> Stake:
        """All of it."""
        whole = Stake()
        for part in self.parts.parts:
            whole.add(part)
        return whole


def stuck_now(scope: Scope, now: datetime, held: HeldUp) -> StuckNow:
    """What is stuck, compared with the same moment yesterday."""
    return StuckNow(
        parts=held.of_lateness(),
        late_processes=sum(kind == "late" for _process, kind in held.by("process", "lateness")),
        change=sum(part.count for part in held.stakes.values())
        - stuck_at(scope, now - timedelta(days=1)),
    )


def stuck_at(scope: Scope, then: datetime) -> int:
    """How many transactions were stuck at an earlier moment."""
    letters = DeadLetter.objects.filter(
        Q(resolved_at__isnull=True) | Q(resolved_at__gt=then), opened_at__lte=then
    )
    return within(scope, letters).order_by().values("transaction").distinct().count()


@dataclass(frozen=True, slots=True)
class Inbox:
    """Events that wait to be interpreted, and since when the oldest does."""

    waiting: int
    oldest: datetime | None


def inbox() -> Inbox:
    """The inbox of the whole firm: an event has no legal entity yet."""
    row = InboundEvent.objects.filter(state=EventState.RECEIVED).aggregate(
        waiting=Count("pk"), oldest=Min("received_at")
    )
    return Inbox(row["waiting"], row["oldest"])
