"""Date words of SOQL (TODAY, LAST_N_DAYS:7 …) as half-open ranges of days in UTC."""

from __future__ import annotations

from datetime import date, timedelta

_DAY = timedelta(days=1)
_MOST_DAYS = 36_500


def days_of(word: str, today: date) -> tuple[date, date] | None:
    """First day and the day after the last, or None when the word is no date literal."""
    name, _, count = word.upper().partition(":")
    if count:
        return _counted(name, int(count), today)
    monday = today - timedelta(days=today.weekday())
    week = timedelta(days=7)
    month = today.replace(day=1)
    ranges = {
        "TODAY": (today, today + _DAY),
        "YESTERDAY": (today - _DAY, today),
        "TOMORROW": (today + _DAY, today + 2 * _DAY),
        "THIS_WEEK": (monday, monday + week),
        "LAST_WEEK": (monday - week, monday),
        "NEXT_WEEK": (monday + week, monday + 2 * week),
        "THIS_MONTH": (month, _month(month, 1)),
        "LAST_MONTH": (_month(month, -1), month),
        "NEXT_MONTH": (_month(month, 1), _month(month, 2)),
        "THIS_YEAR": (date(today.year, 1, 1), date(today.year + 1, 1, 1)),
        "LAST_YEAR": (date(today.year - 1, 1, 1), date(today.year, 1, 1)),
    }
    return ranges.get(name)


def _counted(name: str, count: int, today: date) -> tuple[date, date] | None:
    span = timedelta(days=min(count, _MOST_DAYS))
    if name == "LAST_N_DAYS":
        return today - span, today + _DAY
    if name == "NEXT_N_DAYS":
        return today + _DAY, today + span + _DAY
    return None


def _month(first: date, shift: int) -> date:
    months = first.year * 12 + first.month - 1 + shift
    return date(months // 12, months % 12 + 1, 1)
