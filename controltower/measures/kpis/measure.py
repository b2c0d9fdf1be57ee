"""What a measure is: a name, its definition in words, how it is read, and where its records are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import ngettext

from controltower.measures import arrivals, rollups
from controltower.measures.arrivals import Arrival
from controltower.measures.exposure import Scope, Stake, transactions
from controltower.measures.promises import DAYS, first_day

Found = TypeVar("Found")
BOTH = timedelta(days=DAYS)
"""As long as the period looked at is the one before, which it is compared with."""


class Unit(StrEnum):
    """What a reading's numbers are: seconds, a share of 1, a count, or money in the reporting
    currency."""

    SECONDS = "seconds"
    SHARE = "share"
    COUNT = "count"
    MONEY = "money"


class Listed(StrEnum):
    """What the records behind a measure are."""

    TRANSACTIONS = "transactions"
    CALLS = "calls"
    READINGS = "readings"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a reading: how many of its records, what they are worth in the measure's unit, and
    the filters of their list."""

    label: str | Promise
    records: int
    value: float
    filters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A measure at one moment, for one person.

    `value` is of the last 30 of their days, or of now where the definition says so; `before` of
    the 30 days before those. `days` is oldest first, None where nothing happened; empty where
    there is no history. `records` is how many stand behind `value`: the length of its list. `note`
    says what of them is not told in it, and why; `parts` are what they add up from.
    """

    value: float | None = None
    before: float | None = None
    days: Sequence[float | None] = ()
    records: int | None = None
    note: str = ""
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure. `records` are the filters of the list behind it, and `listed` says of what it
    is a list. `less` says that less is better."""

    name: str
    title: str | Promise
    definition: str | Promise
    unit: Unit
    less: bool
    read: Callable[[Window], Reading]
    records: Mapping[str, str] = field(default_factory=dict)
    listed: Listed = Listed.TRANSACTIONS


@dataclass(frozen=True)
class Window:
    """The last 30 of a person's days and the 30 before, and what arrived in them: read once for
    all the measures of a page."""

    scope: Scope
    now: datetime
    _read: dict[Callable[[Window], Any], Any] = field(default_factory=dict, repr=False)

    def once(self, read: Callable[[Window], Found]) -> Found:
        """What this reads, read once however many measures rest on it."""
        if read not in self._read:
            self._read[read] = read(self)
        found: Found = self._read[read]
        return found

    @cached_property
    def first(self) -> datetime:
        """When the last 30 days began."""
        return first_day(self.now, self.scope.person.zone)

    @property
    def before(self) -> datetime:
        """When the 30 days before them began."""
        return self.first - BOTH

    @cached_property
    def known_for(self) -> int:
        """How many of the person's days ago the first transaction that they see began: of earlier
        days nothing is known, which is not to say that nothing was there."""
        began = transactions(self.scope).order_by("started_at").values_list("started_at", flat=True)
        first = began.first()
        return -1 if first is None else self.ago(first.astimezone(self.here).date())

    @cached_property
    def here(self) -> ZoneInfo:
        """The person's zone."""
        return ZoneInfo(self.scope.person.zone)

    @cached_property
    def arrivals(self) -> Mapping[Arrival, int]:
        """What was verified in both."""
        return arrivals.by_day(self.scope, self.before, self.now)

    def ended(self, process: str = "", *, promised: bool = False) -> dict[int, tuple[int, int]]:
        """(kept, all) that were verified, by days ago; with `promised` only what had a promise."""
        found: dict[int, tuple[int, int]] = {}
        for arrival, items in self.arrivals.items():
            wanted = not process or arrival.process == process
            if wanted and not (promised and arrival.grade == rollups.NO_PROMISE):
                kept, ended = found.get(self.ago(arrival.day), (0, 0))
                kept += items if arrival.grade == rollups.KEPT else 0
                found[self.ago(arrival.day)] = (kept, ended + items)
        return found

    def ago(self, day: date) -> int:
        """How many of the person's days ago a day was."""
        return (self.now.astimezone(self.here).date() - day).days

    def utc_ago(self, day: date) -> int:
        """How many UTC days ago one was: of what is kept by these, the last is that of now."""
        return (self.now.astimezone(UTC).date() - day).days


def series(by_day: Mapping[int, float | None]) -> tuple[float | None, ...]:
    """The last 30 days, oldest first, from figures by how many days ago."""
    return tuple(by_day.get(ago) for ago in range(DAYS - 1, -1, -1))


def share(part: float, whole: float) -> float | None:
    """A part of a whole; None of nothing."""
    return part / whole if whole else None


def without_money(found: Stake) -> str:
    """Why a value is nothing though there are records behind it; "" where there is no riddle."""
    if found.amount or not found.count:
        return ""
    words = ngettext(
        "%(n)d record is behind it, without money of its own.",
        "%(n)d records are behind it, without money of their own.",
        found.count,
    )
    return words % {"n": found.count}
