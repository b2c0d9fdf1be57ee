"""Dated exchange rates into the reporting currency."""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now, TruncDate

from controltower.canonical.money import Money, UnknownCurrency
from controltower.firm.models import ExchangeRate, LegalEntity


def rates() -> dict[str, Decimal]:
    """The rate in force per currency, reporting currency = 1."""
    found = {settings.REPORTING_CURRENCY: Decimal(1)}
    for row in in_force():
        found[row.currency] = row.rate
    return found


def rate_date() -> date | None:
    """The date of the newest rate in force, stated beside every converted total."""
    newest = _begun().order_by("-on").first()
    return newest.on if newest else None


def in_force() -> QuerySet[ExchangeRate]:
    """The newest rate of each currency whose day has come."""
    return _begun().order_by("currency", "-on").distinct("currency")


def traded() -> frozenset[str]:
    """The currencies that the firm trades in: those of its companies' books and of its totals, and
    whatever has a rate."""
    books = LegalEntity.objects.values_list("currency", flat=True)
    rated = ExchangeRate.objects.order_by().values_list("currency", flat=True).distinct()
    return frozenset({settings.REPORTING_CURRENCY, *books, *rated})


def _begun() -> QuerySet[ExchangeRate]:
    """Rates of a later day are known already and hold from it on; the day is UTC's."""
    return ExchangeRate.objects.filter(on__lte=TruncDate(Now(), tzinfo=UTC))


def in_reporting_currency(amount: Decimal, currency: str) -> Decimal | None:
    """Convert to the cent, or None when there is no rate for the currency."""
    rate = rates().get(currency)
    if rate is None:
        return None
    try:
        return Money.of(amount, currency).convert(rate, settings.REPORTING_CURRENCY).amount
    except UnknownCurrency:
        return None
