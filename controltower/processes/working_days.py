"""Working days of a country: Monday to Friday without its public holidays, those of its parts left
out. Pure: a day in, a day out."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import holidays

SATURDAY = 5
ONE = timedelta(days=1)


def is_working(day: date, country: str) -> bool:
    """Whether people work on that day; `country` is ISO 3166 ("DE"). One whose holidays nobody
    knows has none."""
    return day.weekday() < SATURDAY and day not in _free_days(country, day.year)


def first_working(month: date, number: int, country: str) -> date:
    """The working day of that number (from 1) in the month of a date, or after it."""
    return moved(month.replace(day=1) - ONE, number, country)


def moved(day: date, by: int, country: str) -> date:
    """So many working days after a day, or before it when negative."""
    step = ONE if by > 0 else -ONE
    for _ in range(abs(by)):
        day += step
        while not is_working(day, country):
            day += step
    return day


@cache
def _free_days(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()
