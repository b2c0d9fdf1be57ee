"""What a measure is: a name, its definition in words, how it is read, and where its records are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils.functional import Promise

from controltower.measures.exposure import Scope
from controltower.measures.promises import DAYS, first_day

BOTH = timedelta(days=DAYS)
"""As long as the period looked at is the one before, which it is compared with."""


class Unit(StrEnum):
    """What a reading's numbers are: seconds, a share of 1, a count, or money in the reporting
    currency."""

    SECONDS = "seconds"
    SHARE = "share"
    COUNT = "count"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Reading:
    """A measure at one moment, for one person.

    `value` is of the last 30 of their days, or of now where the definition says so; `before` of
    the 30 days before those. `days` is oldest first, None where nothing happened; empty where
    there is no history. `records` is how many stand behind `value`: the length of its list.
    """

    value: float | None = None
    before: float | None = None
    days: Sequence[float | None] = ()
    records: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure. `records` are the filters of the list of transactions behind it, or "systems"
    for the page of systems. `less` says that less is better."""

    name: str
    title: str | Promise
    definition: str | Promise
    unit: Unit
    less: bool
    read: Callable[[Scope, datetime], Reading]
    records: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """The last 30 of a person's days, and the 30 before."""

    zone: str
    first: datetime
    before: datetime
    now: datetime

    @classmethod
    def of(cls, scope: Scope, now: datetime) -> Window:
        """The person's window."""
        first = first_day(now, scope.person.zone)
        return cls(scope.person.zone, first, first - BOTH, now)

    @property
    def here(self) -> ZoneInfo:
        """The person's zone."""
        return ZoneInfo(self.zone)

    def ago(self, day: date) -> int:
        """How many of the person's days ago a day was."""
        return (self.now.astimezone(self.here).date() - day).days


def series(by_day: Mapping[int, float | None]) -> tuple[float | None, ...]:
    """The last 30 days, oldest first, from figures by how many days ago."""
    return tuple(by_day.get(ago) for ago in range(DAYS - 1, -1, -1))


def share(part: float, whole: float) -> float | None:
    """A part of a whole; None of nothing."""
    return part / whole if whole else None
