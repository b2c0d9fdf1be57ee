"""When a running replay will have ended, and whether that is in time for what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from controltower.transactions.models import (
    ItemState,
    PlanState,
    ReplayPlan,
    Transaction,
)
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.replaying import MOST_AT_ONCE, OPEN_ITEMS, SHARE

WINDOW = timedelta(minutes=5)
"""The pace is that of this time: what was an hour ago says little of now."""
ENOUGH, LONG_ENOUGH = 10, 60.0
"""Steps that make a measurement, and seconds after which few of them are one as well."""


@dataclass(frozen=True, slots=True)
class Line:
    """A replay on one connection: steps `left` to end, of which `flying` are under way; `ended`
    within the last `seconds`; and the `most` a second that it may take up."""

    left: int
    flying: int
    ended: int
    seconds: float
    most: float

    @property
    def is_measured(self) -> bool:
        """Whether enough has ended, or long enough little has, to go by it."""
        under_way = bool(self.ended or self.flying)
        return under_way and (self.ended >= ENOUGH or self.seconds >= LONG_ENOUGH)

    @property
    def pace(self) -> float:
        """Steps a second: as measured, or as many as it may take before there is a measurement."""
        return self.ended / max(self.seconds, 1.0) if self.is_measured else self.most


def ends_at(lines: Sequence[Line], now: datetime) -> datetime | None:
    """When the last step will have ended; connections go beside each other. None while one of
    them stands still."""
    busy = [line for line in lines if line.left]
    if any(not line.pace for line in busy):
        return None
    longest = max((line.left / line.pace for line in busy), default=0.0)
    return now + timedelta(seconds=longest)


@dataclass(frozen=True, slots=True)
class Promise:
    """By when a transaction is promised to have ended, and by which process."""

    at: datetime
    process: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """When a replay will have ended (None: it stands still), measured or by what it may take, and
    the next promise among what is left; `broken` counts those that are broken already."""

    at: datetime | None
    is_measured: bool
    promise: Promise | None
    broken: int

    @property
    def margin(self) -> timedelta | None:
        """How long before the promise it ends; negative when it comes too late."""
        return self.promise.at - self.at if self.promise and self.at else None


def expectation(plan: ReplayPlan, seen: TransactionQuerySet, now: datetime) -> Expectation | None:
    """What to expect of a running replay, and of the promises among the transactions in `seen`;
    None when it does not run."""
    if plan.state != PlanState.RUNNING or plan.released_at is None:
        return None
    lines = _lines(plan, plan.released_at, now)
    busy = [line for line in lines if line.left]
    open_ = seen.filter(
        pk__in=plan.items.order_by().filter(state__in=OPEN_ITEMS).values("transaction")
    )
    return Expectation(
        at=ends_at(lines, now),
        is_measured=all(line.is_measured for line in busy),
        promise=_next(open_, now),
        broken=open_.filter(due_at__lt=now).count(),
    )


def _lines(plan: ReplayPlan, released_at: datetime, now: datetime) -> list[Line]:
    since = max(released_at, now - WINDOW)
    recent = Q(state__in=[ItemState.VERIFIED, ItemState.FAILED], ended_at__gte=since)
    rows = (
        plan.items.order_by()
        .values("step__system__connection")
        .annotate(
            left=Count("pk", filter=Q(state__in=OPEN_ITEMS)),
            flying=Count("pk", filter=Q(state__in=[ItemState.SENT, ItemState.UNKNOWN])),
            ended=Count("pk", filter=recent),
            first=Min("ended_at", filter=recent),
            pace=Min("step__system__calls_per_second"),
        )
    )
    return [
        Line(
            left=row["left"],
            flying=row["flying"],
            ended=row["ended"],
            seconds=(now - (row["first"] or since)).total_seconds(),
            most=MOST_AT_ONCE if row["pace"] is None else row["pace"] * SHARE,
        )
        for row in rows
    ]


def _next(rows: TransactionQuerySet, now: datetime) -> Promise | None:
    first: Transaction | None = rows.filter(due_at__gte=now).order_by("due_at").first()
    if first is None or first.due_at is None:
        return None
    return Promise(first.due_at, first.process)
