"""How the systems answer, of the whole firm: the last two hours' calls, and what was read when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import (
    Avg,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Extract, Floor

from controltower.measures import health
from controltower.measures.kpis.measure import Reading, Window, share
from controltower.systems.models import Call, Feed, System

PARTS = 24
"""Five minutes each."""
TIME = "timecard"
"""The feed of approved time, by whichever PSA."""


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of two hours: their median in milliseconds, the share that got lost, and both (the
    average for the median) in each of the parts, oldest first."""

    median: float | None
    lost: float | None
    times: Sequence[float | None]
    losses: Sequence[float | None]


def call_time(window: Window) -> Reading:
    """The median call, in seconds."""
    calls = window.once(_calls)
    return Reading(value=_seconds(calls.median), days=[_seconds(part) for part in calls.times])


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def call_failures(window: Window) -> Reading:
    """The share of calls that did not get through."""
    calls = window.once(_calls)
    return Reading(value=calls.lost, days=calls.losses)


def _calls(window: Window) -> Calls:
    lost, calls = Count("pk", filter=Q(reached=False)), _recent(window.now)
    whole = calls.aggregate(median=health.Median("milliseconds"), lost=lost, all=Count("pk"))
    since = ExpressionWrapper(
        F("at") - Value(window.now - health.WINDOW), output_field=DurationField()
    )
    seconds = health.WINDOW.total_seconds() / PARTS
    rows = (
        calls.annotate(part=Floor(Extract(since, "epoch") / Value(seconds)))
        .values_list("part")
        .annotate(time=Avg("milliseconds"), lost=lost, all=Count("pk"))
    )
    times, losses = {}, {}
    for part, time, gone, count in rows:
        times[int(part)], losses[int(part)] = float(time), share(gone, count)
    return Calls(
        median=whole["median"],
        lost=share(whole["lost"], whole["all"]),
        times=[times.get(part) for part in range(PARTS)],
        losses=[losses.get(part) for part in range(PARTS)],
    )


def _recent(now: datetime) -> QuerySet[Call]:
    systems = System.objects.filter(active=True).order_by().values("pk")
    return Call.objects.filter(system__in=systems, at__gt=now - health.WINDOW).order_by()


def freshness(window: Window) -> Reading:
    """How long ago the system that was read longest ago was read, in seconds."""
    return _oldest(window, [at for at, _time in window.once(_read)])


def time_freshness(window: Window) -> Reading:
    """The same of the feeds by which approved time arrives."""
    return _oldest(window, [time for _at, time in window.once(_read) if time])


def _read(window: Window) -> Sequence[tuple[datetime, datetime | None]]:
    """When each system was read last, and when its approved time."""
    read = Feed.objects.filter(system__active=True, polled_at__isnull=False).order_by()
    latest = read.values("system").annotate(
        at=Max("polled_at"), time=Max("polled_at", filter=Q(entity=TIME))
    )
    return [(row["at"], row["time"]) for row in latest]


def _oldest(window: Window, read: Sequence[datetime]) -> Reading:
    """Nothing is read in the future: a feed may be read while the page, which goes by the moment at
    which it was asked for, is still being worked out."""
    oldest = min(read, default=None)
    age = None if oldest is None else (window.now - oldest).total_seconds()
    return Reading(value=None if age is None else max(age, 0.0))
