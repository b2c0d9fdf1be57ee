"""How long processes take, from the rollup of paces: medians true to 4 %."""

from __future__ import annotations

from collections import Counter
from datetime import UTC

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models.functions import TruncDate

from controltower.measures import rollups
from controltower.measures.kpis import kept
from controltower.measures.kpis.measure import Reading, Window, series
from controltower.measures.models import Kind
from controltower.measures.promises import DAYS, taken_by

HALF = 0.5


def read(window: Window, process: str) -> Reading:
    """The median time of one process. Paces are kept by the UTC day, and come as one row of each:
    two months have five thousand sums."""
    first = window.before.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        rollups.figures(window.scope, Kind.PACE)
        .filter(process=process, at__gte=first)
        .values_list(TruncDate("at", tzinfo=UTC))
        .annotate(grades=ArrayAgg("grade"), counts=ArrayAgg("items"))
    )
    days: dict[int, Counter[int]] = {}
    for day, grades, counts in rows:
        own = days.setdefault(window.ago(day), Counter())
        for grade, count in zip(grades, counts, strict=True):
            own[grade] += count
    lately: Counter[int] = Counter()
    earlier: Counter[int] = Counter()
    for ago, grades in days.items():
        (lately if ago < DAYS else earlier).update(grades)
    return Reading(
        value=_median(lately),
        before=_median(earlier),
        days=series({ago: _median(grades) for ago, grades in days.items()}),
        records=kept.ended(window, process),
    )


def _median(grades: Counter[int]) -> float | None:
    length = taken_by(grades, HALF)
    return None if length is None else length.total_seconds()
