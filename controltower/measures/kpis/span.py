"""How long processes take since what they are about happened, from the rollup of spans: medians
true to 4 %."""

from __future__ import annotations

from collections import Counter
from datetime import UTC

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models.functions import TruncDate
from django.utils.translation import ngettext

from controltower.measures import rollups
from controltower.measures.kpis import kept
from controltower.measures.kpis.measure import Reading, Window, series
from controltower.measures.models import Kind
from controltower.measures.promises import DAYS, taken_by

HALF = 0.5


def read(window: Window, process: str) -> Reading:
    """The median time of one process. Spans are kept by the UTC day, and come as one row of each:
    two months have five thousand sums."""
    first = window.before.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        rollups.figures(window.scope, Kind.SPAN)
        .filter(process=process, at__gte=first)
        .values_list(TruncDate("at", tzinfo=UTC), "wait")
        .annotate(grades=ArrayAgg("grade"), counts=ArrayAgg("items"))
    )
    days: dict[int, Counter[int]] = {}
    undated = 0
    for day, since, grades, counts in rows:
        ago = window.utc_ago(day)
        for grade, count in zip(grades, counts, strict=True):
            days.setdefault(ago, Counter())[grade] += count
        undated += sum(counts) if since == rollups.CLOCK and ago < DAYS else 0
    lately: Counter[int] = Counter()
    earlier: Counter[int] = Counter()
    for ago, counted in days.items():
        (lately if ago < DAYS else earlier).update(counted)
    return Reading(
        value=_median(lately),
        before=_median(earlier),
        days=series({ago: _median(counted) for ago, counted in days.items()}),
        records=kept.ended(window, process),
        note=since_their_clock(undated),
    )


def _median(grades: Counter[int]) -> float | None:
    length = taken_by(grades, HALF)
    return None if length is None else length.total_seconds()


def since_their_clock(count: int) -> str:
    """What is said of records of which nobody knows when they happened; "" where there are none."""
    if not count:
        return ""
    words = ngettext(
        "%(n)d record does not say when it happened: it counts from when its promise began.",
        "%(n)d records do not say when they happened: they count from when their promise began.",
        count,
    )
    return words % {"n": count}
