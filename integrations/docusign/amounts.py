"""Amounts as people write them into a contract: "60,000.00", "60.000,00", "60'000", "60 000,50".

Which sign stands between thousands and which before decimals follows from the amount itself
wherever only one reading is possible. "60.000" has two: sixty thousand where thousands are parted
so, sixty elsewhere. It is read only by the language of whoever wrote it, and only as thousands:
nobody writes an amount to three decimals.
"""

from __future__ import annotations

import re
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.numbers import get_group_symbol

from integrations.shape import bounded

_TWO_READINGS = re.compile(r"[1-9][0-9]{0,2}(?P<sign>[.,])[0-9]{3}")
_ONE_READING = re.compile(
    r"(?:[0-9]+|[1-9][0-9]{0,2}(?P<between>[.,'’ \u00a0\u202f])[0-9]{3}(?:(?P=between)[0-9]{3})*)"
    r"(?P<decimals>(?!(?P=between))[.,][0-9]+)?"
)


def amount(written: str, language: str) -> Decimal:
    """The amount, in major units; `language` is a tag such as "de-CH", "" when nobody knows. Raises
    ValueError for what is no amount or may be two, Drift for one that no books can hold."""
    if two := _TWO_READINGS.fullmatch(written):
        if two["sign"] != _between_thousands(language):
            raise ValueError(f"“{written}” may be two amounts")
        return bounded(Decimal(written.replace(two["sign"], "")), "amount")
    one = _ONE_READING.fullmatch(written)
    if one is None:
        raise ValueError(f"“{written}” is not an amount")
    decimals = one["decimals"] or ""
    whole = re.sub("[^0-9]", "", written.removesuffix(decimals))
    return bounded(Decimal(f"{whole}.{decimals[1:]}" if decimals else whole), "amount")


def _between_thousands(language: str) -> str:
    """The sign between thousands in a language; "" for one that nobody knows."""
    try:
        return get_group_symbol(Locale.parse(language, sep="-")) if language else ""
    except (UnknownLocaleError, ValueError):
        return ""
