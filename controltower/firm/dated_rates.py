"""Exchange rates that two people have agreed upon, as a policy for each currency: a version names
the days and their rates, which join those that are there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from django.conf import settings

from controltower.canonical.money import MINOR_UNITS
from controltower.firm.models import ExchangeRate, PolicyVersion
from controltower.firm.policies import BadPolicy

KIND = "rates"
PLACES = 8
MOST = Decimal(10) ** 9
MOST_AT_ONCE = 400


def objection(currency: str, on: object, rate: object) -> str:
    """What is wrong with one rate and what to write; "" when nothing is."""
    if currency == settings.REPORTING_CURRENCY:
        return f"{currency} is the reporting currency: it needs no rate."
    if currency not in MINOR_UNITS:
        return f"“{currency}” is no currency: write its ISO 4217 code, such as GBP."
    try:
        date.fromisoformat(str(on))
    except ValueError:
        return f"“{on}” is no day: write one as 2026-11-01."
    try:
        value = Decimal(str(rate))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 < value < MOST:
        one = settings.REPORTING_CURRENCY
        return f"“{rate}” is no rate: write how many {one} one {currency} is, such as 1.1420."
    if -int(value.as_tuple().exponent) > PLACES:
        return f"“{rate}” has more than {PLACES} decimals: round it."
    return ""


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is a list of days, each with its rate above zero."""
    pairs = content.get("rates") if isinstance(content, dict) else None
    if not isinstance(pairs, list) or not 0 < len(pairs) <= MOST_AT_ONCE:
        raise BadPolicy(f"Rates are a list of 1 to {MOST_AT_ONCE} days, each with its rate.")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BadPolicy("A rate is a day and a number.")
    wrong = [words for on, rate in pairs if (words := objection(about, on, rate))]
    if wrong:
        raise BadPolicy(" ".join(wrong))
    days = [on for on, _rate in pairs]
    if len(set(days)) < len(days):
        raise BadPolicy("A day has one rate.")


def apply(version: PolicyVersion) -> None:
    """The rates hold from their days on, and replace what was said of the same days."""
    ExchangeRate.objects.bulk_create(
        list(_rows(version)),
        update_conflicts=True,
        unique_fields=["currency", "on"],
        update_fields=["rate"],
    )


def _rows(version: PolicyVersion) -> Iterator[ExchangeRate]:
    for on, rate in version.content["rates"]:
        yield ExchangeRate(
            currency=version.about, on=date.fromisoformat(on), rate=Decimal(str(rate))
        )
