"""A promise: how long something may take, in which time, and when its end is near."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from controltower.canonical.calendar import AROUND_THE_CLOCK, Calendar


class Counted(StrEnum):
    """In which time a promise is counted."""

    ELAPSED = "elapsed"
    WORKING = "working"
    DAYS = "days"
    WORKING_DAYS = "working_days"


BY_DAYS = frozenset({Counted.DAYS, Counted.WORKING_DAYS})


@dataclass(frozen=True, slots=True)
class Promise:
    """`amount` minutes of elapsed or of working time, or the end of the day after so many days or
    working days. Its end is near once `warn_at` per cent of it are used."""

    counted: Counted
    amount: int
    warn_at: int = 80

    @classmethod
    def of(cls, length: timedelta) -> Promise:
        """A promise around the clock, as process definitions state it."""
        return cls(Counted.ELAPSED, length // timedelta(minutes=1))

    @property
    def length(self) -> timedelta:
        """How long it is at most in its own time; a day stands for 24 hours."""
        if self.counted in BY_DAYS:
            return timedelta(days=self.amount + 1)
        return timedelta(minutes=self.amount)

    def due(self, start: datetime, calendar: Calendar) -> datetime:
        """When it ends, in UTC. Raises calendar.NeverOpen."""
        if self.counted in BY_DAYS:
            working = self.counted == Counted.WORKING_DAYS
            return calendar.end_of_day(start, self.amount, working=working)
        return self._time(calendar).after(start, self.length)

    def left(self, now: datetime, due: datetime, calendar: Calendar) -> timedelta:
        """The slack: how much of its own time is left until it ends; negative once it is broken."""
        return self._time(calendar).between(now, due)

    def resumed(self, now: datetime, left: timedelta, calendar: Calendar) -> datetime:
        """When it ends after a pause, with so much of its own time left. Raises NeverOpen."""
        return self._time(calendar).after(now, left)

    def warns(self, start: datetime, due: datetime, calendar: Calendar) -> datetime:
        """From when on its end is near: when `warn_at` per cent of the time to it have passed."""
        whole = self.left(start, due, calendar)
        return self._time(calendar).after(start, whole * self.warn_at / 100).astimezone(UTC)

    def _time(self, calendar: Calendar) -> Calendar:
        return calendar if self.counted == Counted.WORKING else AROUND_THE_CLOCK
