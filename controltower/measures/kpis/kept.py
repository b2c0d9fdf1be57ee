"""Promises kept, from the rollup of what arrived."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from controltower.measures import rollups
from controltower.measures.exposure import Scope
from controltower.measures.kpis.measure import Reading, Window, series, share
from controltower.measures.models import Figure, Kind
from controltower.measures.promises import DAYS


def read(scope: Scope, now: datetime) -> Reading:
    """The share of what ended with a promise that kept it."""
    window = Window.of(scope, now)
    days = {
        ago: (kept, ended)
        for ago, kept, ended in by_day(window, _promised(scope).filter(at__gte=window.before))
    }
    lately = [pair for ago, pair in days.items() if ago < DAYS]
    earlier = [pair for ago, pair in days.items() if ago >= DAYS]
    return Reading(
        value=_share(lately),
        before=_share(earlier),
        days=series({ago: share(*pair) for ago, pair in days.items()}),
        records=sum(kept for kept, _ended in lately),
    )


def ended(scope: Scope, now: datetime, process: str = "") -> int:
    """How many ended with a promise in the last 30 days."""
    rows = _promised(scope).filter(at__gte=Window.of(scope, now).first)
    found = rows.filter(process=process) if process else rows
    return int(found.aggregate(n=Sum("items", default=0))["n"])


def by_day(window: Window, rows: QuerySet[Figure]) -> list[tuple[int, int, int]]:
    """(days ago, kept, ended) of what arrived."""
    found = (
        rows.annotate(day=TruncDate("at", tzinfo=window.here))
        .values_list("day")
        .annotate(kept=Sum("items", filter=Q(grade=rollups.KEPT), default=0), all=Sum("items"))
    )
    return [(window.ago(day), kept, count) for day, kept, count in found]


def _promised(scope: Scope) -> QuerySet[Figure]:
    return rollups.figures(scope, Kind.ARRIVED).exclude(grade=rollups.NO_PROMISE)


def _share(pairs: list[tuple[int, int]]) -> float | None:
    return share(sum(kept for kept, _ended in pairs), sum(ended for _kept, ended in pairs))
