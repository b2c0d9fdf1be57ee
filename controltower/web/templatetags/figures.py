"""Filters that write figures: money, headline money, counts, percentages, durations."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django import template

from controltower.canonical.money import Money
from controltower.web import formats

register = template.Library()


@register.filter
def month(period: str) -> str:
    """ "November 2026" of "2026-11"."""
    return formats.month(period)


@register.filter
def money(value: Money | None) -> str:
    """An exact amount; nothing and zero are a dash."""
    return formats.money(value) if value else formats.NOTHING


@register.filter
def compact(value: Money | None) -> str:
    """A headline amount to three significant digits."""
    return formats.compact(value) if value else formats.NOTHING


@register.simple_tag
def amount(value: Decimal | None, currency: str) -> str:
    """An exact amount from a decimal and its currency code, even an unknown one."""
    return formats.NOTHING if value is None else formats.amount(value, currency)


@register.filter
def rate(value: Decimal) -> str:
    """An exchange rate."""
    return formats.rate(value)


@register.filter
def short_day(value: date) -> str:
    """A day of the calendar without its year."""
    return formats.short_day(value)


@register.filter
def date_of(value: date) -> str:
    """A day of the calendar with its year."""
    return formats.date_of(value)


@register.filter
def count(value: int | None) -> str:
    """A count with grouping; zero is a dash."""
    return formats.number(value or 0)


@register.filter
def tally(value: int) -> str:
    """A count within a sentence, where zero is said."""
    return formats.number(value) if value else "0"


@register.filter
def percent(ratio: Decimal | float | None) -> str:
    """A ratio as a percentage with one decimal; unknown is a dash."""
    return formats.NOTHING if ratio is None else formats.percent(ratio)


@register.filter
def duration(length: timedelta | float | None) -> str:
    """A length of time in two units at most; unknown is a dash."""
    return formats.NOTHING if length is None else formats.duration(length)


@register.filter
def milliseconds(value: int | None) -> str:
    """A duration given in milliseconds; below a second it stays in them."""
    return formats.NOTHING if value is None else formats.call_time(value)
