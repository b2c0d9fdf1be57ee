"""Figures and days as the engine writes them into its sentences, written as a language does."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from django.utils.translation import to_locale

AMOUNTS = (
    re.compile(r"(?P<currency>[A-Z]{3}) (?P<value>-?\d[\d,]*(?:\.\d+)?)"),
    re.compile(r"(?P<value>-?\d[\d,]*\.\d\d) (?P<currency>[A-Z]{3})"),
)
NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})*\.(?P<places>\d\d)")
QUANTITY = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+(?=\.))(?:\.(?P<places>\d+))?")
SHARE = re.compile(r"(?P<hundredths>\d+)%")
MOMENT = re.compile(r"(?P<day>\d\d [A-Z][a-z]+ \d{4})(?: (?P<time>\d\d:\d\d))?")
MONTH = re.compile("(?:January|February|March|April|May|June|July|August|September|October|November"
                   r"|December) \d{4}")  # fmt: skip


def figure(text: str, language: str) -> str:
    """An amount, a number of two decimals, a day, a moment or a month; "" of anything else."""
    for shape in AMOUNTS:
        if amount := shape.fullmatch(text):
            return money(amount["value"], amount["currency"], language)
    if number := NUMBER.fullmatch(text):
        return _number(number, language)
    if moment := MOMENT.fullmatch(text):
        return _moment(moment, language)
    if MONTH.fullmatch(text):
        month = datetime.strptime(text, "%B %Y")  # noqa: DTZ007 - a month has no zone
        return format_date(month, "LLLL y", locale=to_locale(language))
    return ""


def quantity(text: str, language: str) -> str:
    """A number of any decimals or a share, where nothing but a quantity can stand; "" of anything
    else, and of digits alone, which every language writes so."""
    if number := QUANTITY.fullmatch(text):
        return _number(number, language)
    if share := SHARE.fullmatch(text):
        return format_percent(Decimal(share["hundredths"]) / 100, locale=to_locale(language))
    return ""


def money(value: str, currency: str, language: str) -> str:
    """An amount with its currency."""
    return format_currency(_plain(value), currency, locale=to_locale(language))


def _number(found: re.Match[str], language: str) -> str:
    places = "0" * len(found["places"] or "")
    pattern = "#,##0" + (f".{places}" if places else "")
    return format_decimal(_plain(found[0]), format=pattern, locale=to_locale(language))


def _moment(found: re.Match[str], language: str) -> str:
    try:
        day = datetime.strptime(found["day"], "%d %B %Y")  # noqa: DTZ007 - its zone stands beside it
    except ValueError:
        return ""
    written = format_date(day, "long", locale=to_locale(language))
    return f"{written}, {found['time']}" if found["time"] else written


def _plain(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))
