"""How figures and times are written for a person: in their locale, in their zone."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_skeleton, get_timezone_name
from babel.numbers import format_compact_currency, format_currency, format_decimal, format_percent
from django.utils import timezone
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency

NOTHING = "–"
CENTS = re.compile(r"-?\d+\.\d\d")

SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86400
SHORTEST = 0.05
"""Seconds beneath which a length is told from none by words alone."""


def locale() -> Locale:
    """The viewer's locale, as activated for this request."""
    return _locale_of(get_language() or "en-gb")


@lru_cache(maxsize=16)
def _locale_of(language: str) -> Locale:
    return Locale.parse(to_locale(language))


def country(code: str) -> str:
    """A country's name for the viewer, else its code: "Germany"."""
    return str(locale().territories.get(code, code))


def money(value: Money) -> str:
    """An exact amount in the currency's own decimals; zero is a dash.

    Negative amounts follow the locale's accounting format (parentheses in en_GB).
    """
    if not value.minor:
        return NOTHING
    return format_currency(value.amount, value.currency, locale=locale(), format_type="accounting")


def amount(value: Decimal, code: str) -> str:
    """An exact amount in its own currency, even one that the firm does not trade in; zero is a
    dash, of whatever currency."""
    if not value:
        return NOTHING
    try:
        return money(Money.of(value, code))
    except (UnknownCurrency, NotAnAmount):
        return f"{format_decimal(value, locale=locale())} {code or '?'}"


def compact(value: Money) -> str:
    """A headline amount to three significant digits ("€1.59M"); zero is a dash."""
    if not value.minor:
        return NOTHING
    rounded = Decimal(f"{value.amount:.3g}")
    digits = 2 if abs(rounded) >= 1_000_000 else 0
    shown = format_compact_currency(
        rounded, value.currency, locale=locale(), fraction_digits=digits
    )
    if str(abs(int(rounded))) not in shown:
        return shown
    # The language has no short form of thousands (German), and the long one is not grouped.
    return format_currency(
        rounded, value.currency, _whole_money(), locale=locale(), currency_digits=False
    )


def _whole_money() -> str:
    """The language's way to write an amount, without its cents."""
    return str(locale().currency_formats["standard"].pattern).replace(".00", "")


def no_money(currency: str) -> str:
    """That an amount is known to be nothing ("€0"), where a dash would say that it is unknown."""
    return format_currency(
        0, currency, locale=locale(), currency_digits=False, format=_whole_money()
    )


def number(value: int | Decimal) -> str:
    """A count with the locale's grouping; zero is a dash."""
    return format_decimal(value, locale=locale()) if value else NOTHING


def grouped(text: str) -> str:
    """A text that is an amount in major units, "3696.00", with the locale's grouping; any other as
    it is."""
    if not CENTS.fullmatch(text):
        return text
    return format_decimal(Decimal(text), format="#,##0.00", locale=locale())


def rate(value: str | Decimal) -> str:
    """An exchange rate with all of its decimals that say something."""
    return format_decimal(Decimal(value), format="#,##0.00######", locale=locale())


def percent(ratio: Decimal | float) -> str:
    """A ratio (0.942) as a percentage with one decimal."""
    pattern = str(locale().percent_formats[None].pattern).replace("0%", "0.0%")
    pattern = pattern.replace("0\xa0%", "0.0\xa0%")
    return format_percent(ratio, format=pattern, locale=locale())


def duration(length: timedelta | float) -> str:
    """A length of time in two units at most: "0.4 s", "47 min", "2 h 47 min", "1 d 3 h", "15 d"."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    seconds = max(seconds, 0.0)
    if 0 < seconds < SHORTEST:
        value = format_decimal(0.1, format="0.0", locale=locale())
        return _("< %(seconds)s s") % {"seconds": value}
    if seconds < 10:
        value = format_decimal(round(seconds, 1), format="0.0", locale=locale())
        return _("%(seconds)s s") % {"seconds": value}
    if seconds < MINUTE:
        return _("%(seconds)s s") % {"seconds": int(seconds)}
    if seconds < HOUR:
        return _("%(minutes)s min") % {"minutes": int(seconds // MINUTE)}
    if seconds < DAY:
        return _two(seconds, HOUR, _("%(n)s h"), MINUTE, _("%(n)s min"))
    if seconds < 10 * DAY:
        return _two(seconds, DAY, _("%(n)s d"), HOUR, _("%(n)s h"))
    return _("%(n)s d") % {"n": int(seconds // DAY)}


def call_time(milliseconds: float) -> str:
    """How long a call took: "240 ms", then as any duration."""
    if milliseconds < 1000:
        return _("%(n)d ms") % {"n": round(milliseconds)}
    return duration(milliseconds / 1000)


def _two(seconds: float, big: int, big_word: str, small: int, small_word: str) -> str:
    whole, rest = divmod(int(seconds), big)
    parts = [big_word % {"n": whole}]
    if rest // small:
        parts.append(small_word % {"n": rest // small})
    return " ".join(parts)


def here(moment: datetime) -> datetime:
    """The moment on the viewer's clock."""
    return timezone.localtime(moment)


def clock(moment: datetime, *, zone: bool = True, seconds: bool = False) -> str:
    """The time of day for the viewer: "14:26 CET"."""
    local = here(moment)
    text = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return f"{text} {_zone(local)}" if zone else text


def _zone(local: datetime) -> str:
    """The zone's abbreviation as the viewer's language has it (CET, MEZ), else as the zone has."""
    name = _zone_name(local.tzinfo, "daylight" if local.dst() else "standard", locale())
    return name if name.isalpha() else str(local.tzname())


@lru_cache(maxsize=512)
def _zone_name(zone: tzinfo | None, variant: Literal["daylight", "standard"], of: Locale) -> str:
    return get_timezone_name(zone, "short", zone_variant=variant, locale=of)


def day(moment: datetime, now: datetime) -> str:
    """The calendar day for the viewer: "26 Nov", with the year when it is another one."""
    local = here(moment)
    skeleton = "MMMd" if local.year == here(now).year else "yMMMd"
    return _by_skeleton(skeleton, local.date(), locale())


def short_day(value: date) -> str:
    """A day of the calendar without its year: "25 Dec"."""
    return _by_skeleton("MMMd", value, locale())


@lru_cache(maxsize=2_048)
def _by_skeleton(skeleton: str, value: date, of: Locale) -> str:
    return str(format_skeleton(skeleton, value, locale=of))


def date_of(value: date) -> str:
    """A day of the calendar with its year."""
    return format_date(value, locale=locale())


def long_day(moment: datetime) -> str:
    """The calendar day in full: "Thursday 26 November"."""
    return format_date(here(moment).date(), _("EEEE d MMMM"), locale=locale())


def month(period: str) -> str:
    """ "November 2026" of "2026-11"."""
    return format_date(date.fromisoformat(f"{period}-01"), "LLLL y", locale=locale())


def when(moment: datetime, now: datetime, *, zone: bool = True, seconds: bool = False) -> str:
    """The time of day today, else day and time."""
    time = clock(moment, zone=zone, seconds=seconds)
    if here(moment).date() == here(now).date():
        return time
    return f"{day(moment, now)} {time}"


def exactly(moment: datetime, now: datetime) -> str:
    """As `when`, to the second, as a log of another system has it: "14:26:05 CET"."""
    return when(moment, now, seconds=True)


def ago(moment: datetime, now: datetime) -> str:
    """How long ago within a day ("12 min ago"), else day and time."""
    gone = now - moment
    if gone < timedelta(0) or gone >= timedelta(days=1):
        return when(moment, now)
    if gone < timedelta(seconds=10):
        return _("just now")
    return _("%(length)s ago") % {"length": duration(gone)}


def until(moment: datetime, now: datetime) -> str:
    """How long until a moment within a day ("in 6 min"), else day and time."""
    left = moment - now
    if left <= timedelta(0):
        return ago(moment, now)
    if left >= timedelta(days=1):
        return when(moment, now)
    return _("in %(length)s") % {"length": duration(left)}
