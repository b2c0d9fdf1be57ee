"""The one clock of promises: how much of an entity's working time lies between two moments.

Pure. All moments are aware datetimes; a calendar's own hours and days are those of its zone, so
that a working day on which the clocks change is as long as it really was. Public holidays are
those of the `holidays` library for the country, and the firm's own days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

MIDNIGHT = time()
A_DAY = timedelta(days=1)
NOTHING = timedelta()
LONGEST_BREAK = 400
"""Days after which a calendar without any working day is said to have none."""


class NeverOpen(Exception):
    """The calendar has no working time at all."""


@cache
def public_holidays(country: str, region: str, year: int, language: str = "") -> dict[date, str]:
    """The public holidays of a country (and region of it) in a year, by day; none without a
    country. Named in the language ("de") where the library can, else in English, and by default
    as the country does. Raises NotImplementedError for a country that it does not know."""
    if not country:
        return {}
    known = holidays.list_localized_countries().get(country, []) if language else []
    spoken = [one for wanted in (language, "en") for one in known if one[:2] == wanted]
    return dict(
        holidays.country_holidays(
            country, subdiv=region or None, years=year, language=next(iter(spoken), None)
        )
    )


@dataclass(frozen=True, slots=True)
class Calendar:
    """When an entity works. `closes` at midnight is the midnight that ends the day; `weekdays`
    count from Monday, 0. `own_days` are days off besides the public holidays of `country` and
    `region`. What comes after the `cut_off` counts as of the next working day. A month must be
    complete at `month_time` of the working day `month_day` of the next one."""

    zone: str = "UTC"
    opens: time = time(9)
    closes: time = time(17, 30)
    weekdays: frozenset[int] = frozenset(range(5))
    country: str = ""
    region: str = ""
    own_days: frozenset[date] = field(default_factory=frozenset)
    cut_off: time | None = None
    month_day: int = 3
    month_time: time = time(18)

    def works_on(self, day: date) -> bool:
        """Whether the day is a working day."""
        if day.weekday() not in self.weekdays or day in self.own_days:
            return False
        return day not in public_holidays(self.country, self.region, day.year)

    def hours(self, day: date) -> tuple[datetime, datetime]:
        """From when until when a working day lasts, in UTC."""
        ends = day + A_DAY if self.closes == MIDNIGHT else day
        return self.at(day, self.opens), self.at(ends, self.closes)

    def after(self, start: datetime, length: timedelta) -> datetime:
        """The first moment by which so much working time has passed since the start, in UTC.
        Raises NeverOpen."""
        left = length
        if left <= NOTHING:
            return start.astimezone(UTC)
        for opens, closes in self._open_hours(start):
            since = max(opens, start.astimezone(UTC))
            if closes - since >= left:
                return since + left
            left -= max(closes - since, NOTHING)
        raise AssertionError("open hours never end")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from one moment to another; negative when the end comes first."""
        if end < start:
            return -self.between(end, start)
        passed, first, last = NOTHING, start.astimezone(UTC), end.astimezone(UTC)
        day, until = self._day(start) - A_DAY, self._day(end)
        while day <= until:
            if self.works_on(day):
                opens, closes = self.hours(day)
                passed += max(min(closes, last) - max(opens, first), NOTHING)
            day += A_DAY
        return passed

    def end_of_day(self, start: datetime, days: int, *, working: bool) -> datetime:
        """The midnight that ends the last of so many days after the start's, in UTC. What comes
        after the cut-off begins with the next day. Raises NeverOpen."""
        local = start.astimezone(ZoneInfo(self.zone))
        day, ahead = local.date(), days
        if self.cut_off is not None and local.time() > self.cut_off:
            ahead += 1
        if not working:
            return self.at(day + timedelta(days=ahead + 1), MIDNIGHT)
        return self.at(self.moved(day, ahead) + A_DAY, MIDNIGHT)

    def moved(self, day: date, by: int) -> date:
        """The day so many working days after a day, or before it when negative; the day itself
        when none. Raises NeverOpen."""
        for _ in range(abs(by)):
            day = self._next_working_day(day, A_DAY if by > 0 else -A_DAY)
        return day

    def month_end(self, month: date) -> date:
        """The working day of the next month by which the month of a day must be complete. Raises
        NeverOpen."""
        following = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
        return self.moved(following - A_DAY, self.month_day)

    def at(self, day: date, at: time) -> datetime:
        """A time of a day in the calendar's zone, in UTC."""
        return datetime.combine(day, at, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def _next_working_day(self, day: date, step: timedelta) -> date:
        for _ in range(LONGEST_BREAK):
            day += step
            if self.works_on(day):
                return day
        raise NeverOpen

    def _open_hours(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working days from the one before the start on: hours may pass midnight of UTC."""
        if self.opens >= self.closes != MIDNIGHT:
            raise NeverOpen
        day = self._day(start) - A_DAY
        while True:
            if self.works_on(day):
                yield self.hours(day)
                day += A_DAY
            else:
                day = self._next_working_day(day, A_DAY)

    def _day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()


AROUND_THE_CLOCK = Calendar(opens=MIDNIGHT, closes=MIDNIGHT, weekdays=frozenset(range(7)))
"""The calendar on which working time is elapsed time."""


def spoken_month(period: str) -> str:
    """ "November 2026" of "2026-11"; what is no month is said as it is."""
    try:
        return f"{date.fromisoformat(f'{period}-01'):%B %Y}"
    except ValueError:
        return period
