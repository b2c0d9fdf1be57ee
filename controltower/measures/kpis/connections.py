"""How the systems answer, of the whole firm: the calls of thirty days, and what was read when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Max

from controltower.measures.kpis.measure import Reading, Window, series, share
from controltower.measures.promises import DAYS, taken_by
from controltower.systems.models import CallPace, Feed

HALF = 0.5


@dataclass(slots=True)
class Calls:
    """Calls of some days by the grade of their time, and how many of them got lost."""

    grades: Counter[int] = field(default_factory=Counter)
    lost: int = 0

    def add(self, other: Calls) -> None:
        """Take others in."""
        self.grades.update(other.grades)
        self.lost += other.lost

    @property
    def time(self) -> float | None:
        """The median call in seconds, true to 4 %: grades are of milliseconds."""
        median = taken_by(self.grades, HALF)
        return None if median is None else median.total_seconds() / 1000

    @property
    def lost_share(self) -> float | None:
        """The share that did not get through."""
        return share(self.lost, self.grades.total())


def call_time(window: Window) -> Reading:
    """The median call, in seconds."""
    days = window.once(_calls)
    lately, earlier = _both(days)
    return Reading(lately.time, earlier.time, series({ago: one.time for ago, one in days.items()}))


def call_failures(window: Window) -> Reading:
    """The share of calls that did not get through."""
    days = window.once(_calls)
    lately, earlier = _both(days)
    shares = series({ago: one.lost_share for ago, one in days.items()})
    return Reading(lately.lost_share, earlier.lost_share, shares)


def _calls(window: Window) -> Mapping[int, Calls]:
    """By how many days ago. Calls are kept by the UTC day."""
    first = window.before.astimezone(UTC).date()
    found: dict[int, Calls] = {}
    rows = CallPace.objects.filter(day__gte=first)
    for day, grade, calls, lost in rows.values_list("day", "grade", "calls", "lost"):
        found.setdefault(window.utc_ago(day), Calls()).add(Calls(Counter({grade: calls}), lost))
    return found


def _both(days: Mapping[int, Calls]) -> tuple[Calls, Calls]:
    lately, earlier = Calls(), Calls()
    for ago, one in days.items():
        (lately if ago < DAYS else earlier).add(one)
    return lately, earlier


def freshness(window: Window) -> Reading:
    """How long ago the system that was read longest ago was read, in seconds. Nothing is read in
    the future: a feed may be read while the page, which goes by the moment at which it was asked
    for, is still being worked out."""
    read = last_read()
    oldest = min(read.values(), default=None)
    age = None if oldest is None else (window.now - oldest).total_seconds()
    return Reading(value=None if age is None else max(age, 0.0), records=len(read))


def last_read() -> Mapping[int, datetime]:
    """When each system was read last, the one that was read longest ago first."""
    read = Feed.objects.filter(system__active=True, polled_at__isnull=False).order_by()
    latest: Sequence[tuple[int, datetime]] = list(
        read.values_list("system").annotate(at=Max("polled_at")).order_by("at", "system")
    )
    return dict(latest)
