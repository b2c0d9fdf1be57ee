"""What was verified, day by day of a person's own calendar, from two rollups.

Whole days are kept by the UTC day; a person's day begins at another hour. Each UTC day is counted
to the local day that holds its noon, and only the quarters of an hour that lie in another local day
are read one by one and moved there: exact in every zone, and a few hundred sums instead of a
hundred thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.db.models.functions import TruncDate

from controltower.measures import rollups
from controltower.measures.exposure import Scope
from controltower.measures.models import Kind

DAY = timedelta(days=1)
NOON = DAY / 2


class Arrival(NamedTuple):
    """Which of the person's days, which process, whether the promise was kept (`rollups`), and
    whether a person had been needed."""

    day: date
    process: str
    grade: int
    repaired: bool


def by_day(scope: Scope, first: datetime, now: datetime) -> Mapping[Arrival, int]:
    """How many were verified since `first`, which is a midnight of the person's own."""
    zone, began = scope.person.zone, _utc_day(first)
    count = (_utc_day(now) - began) // DAY + 1
    days = [began + DAY * number for number in range(count)]
    counted_to = {day.date(): _counted_to(day, zone) for day in days}
    found: Counter[Arrival] = Counter()
    for utc, arrival, items in _sums(scope, Kind.DAY, days):
        found[arrival._replace(day=counted_to[utc])] += items
    moved = [quarter for day in days for quarter in _elsewhere(day, zone)]
    for utc, arrival, items in _sums(scope, Kind.ARRIVED, moved):
        found[arrival._replace(day=counted_to[utc])] -= items
        found[arrival] += items
    earliest = first.astimezone(ZoneInfo(zone)).date()
    return {key: items for key, items in found.items() if items and key.day >= earliest}


def _sums(scope: Scope, kind: Kind, moments: list[datetime]) -> Iterator[tuple[date, Arrival, int]]:
    """(UTC day, what arrived by the person's day, how many) of these moments."""
    rows = rollups.figures(scope, kind).filter(at__in=moments)
    dated = rows.annotate(
        utc=TruncDate("at", tzinfo=UTC), local=TruncDate("at", tzinfo=ZoneInfo(scope.person.zone))
    )
    sums = dated.values_list("utc", "local", "process", "grade", "wait").annotate(n=Sum("items"))
    for utc, local, process, grade, wait, items in sums:
        yield utc, Arrival(local, process, grade, wait == rollups.PERSON), items


def _utc_day(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@lru_cache(maxsize=4096)
def _counted_to(utc_day: datetime, zone: str) -> date:
    return (utc_day + NOON).astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=4096)
def _elsewhere(utc_day: datetime, zone: str) -> tuple[datetime, ...]:
    """The quarters of a UTC day that lie in another local day than its noon."""
    here, counted_to = ZoneInfo(zone), _counted_to(utc_day, zone)
    quarters = (utc_day + rollups.QUARTER * number for number in range(DAY // rollups.QUARTER))
    return tuple(quarter for quarter in quarters if quarter.astimezone(here).date() != counted_to)
