"""Dated exchange rates into the reporting currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.conf import settings

from controltower.canonical.money import Money, UnknownCurrency
from controltower.firm.models import ExchangeRate


def rates(on: date | None = None) -> dict[str, Decimal]:
    """The rate in force per currency on a day (default: the latest), reporting currency = 1."""
    rows = ExchangeRate.objects.order_by("currency", "-on")
    if on is not None:
        rows = rows.filter(on__lte=on)
    found = {settings.REPORTING_CURRENCY: Decimal(1)}
    for row in rows.distinct("currency"):
        found[row.currency] = row.rate
    return found


def rate_date() -> date | None:
    """The date of the newest rate, stated beside every converted total."""
    newest = ExchangeRate.objects.order_by("-on").first()
    return newest.on if newest else None


def in_reporting_currency(amount: Decimal, currency: str) -> Decimal | None:
    """Convert to the cent, or None when there is no rate for the currency."""
    rate = rates().get(currency)
    if rate is None:
        return None
    try:
        return Money.of(amount, currency).convert(rate, settings.REPORTING_CURRENCY).amount
    except UnknownCurrency:
        return None
