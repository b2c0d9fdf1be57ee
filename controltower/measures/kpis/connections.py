"""How the systems answer, of the whole firm: the last two hours' calls, and what was read when."""

from __future__ import annotations

from datetime import datetime

from django.db.models import (
    Avg,
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Extract, Floor

from controltower.measures import health
from controltower.measures.kpis.measure import Reading, Window, share
from controltower.systems.models import Call, Feed, System

PARTS = 24
"""Five minutes each."""
TIME = "timecard"
"""The feed of approved time, by whichever PSA."""


def call_time(window: Window) -> Reading:
    """The median call, in seconds."""
    now = window.now
    median = _recent(now).aggregate(median=health.Median("milliseconds"))["median"]
    line = _parts(now, Avg("milliseconds"))
    return Reading(
        value=None if median is None else median / 1000,
        days=[None if part is None else part / 1000 for part in line],
    )


def call_failures(window: Window) -> Reading:
    """The share of calls that did not get through."""
    now = window.now
    lost = Q(reached=False)
    whole = _recent(now).aggregate(lost=Count("pk", filter=lost), all=Count("pk"))
    one_or_none = Case(When(lost, then=Value(1.0)), default=Value(0.0))
    return Reading(value=share(whole["lost"], whole["all"]), days=_parts(now, Avg(one_or_none)))


def _recent(now: datetime) -> QuerySet[Call]:
    systems = System.objects.filter(active=True).order_by().values("pk")
    return Call.objects.filter(system__in=systems, at__gt=now - health.WINDOW).order_by()


def _parts(now: datetime, figure: Avg) -> list[float | None]:
    since = ExpressionWrapper(F("at") - Value(now - health.WINDOW), output_field=DurationField())
    seconds = health.WINDOW.total_seconds() / PARTS
    rows = (
        _recent(now)
        .annotate(part=Floor(Extract(since, "epoch") / Value(seconds)))
        .values_list("part")
        .annotate(figure=figure)
    )
    found = {int(part): float(value) for part, value in rows}
    return [found.get(part) for part in range(PARTS)]


def freshness(window: Window) -> Reading:
    """How long ago the system that was read longest ago was read, in seconds."""
    return _oldest(window, Feed.objects.all())


def time_freshness(window: Window) -> Reading:
    """The same of the feeds by which approved time arrives."""
    return _oldest(window, Feed.objects.filter(entity=TIME))


def _oldest(window: Window, feeds: QuerySet[Feed]) -> Reading:
    read = feeds.filter(system__active=True, polled_at__isnull=False)
    latest = read.order_by().values("system").annotate(at=Max("polled_at"))
    oldest = min((row["at"] for row in latest), default=None)
    return Reading(value=None if oldest is None else (window.now - oldest).total_seconds())
