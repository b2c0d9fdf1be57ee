"""What billed time leaves over its cost, from the approved time on the latest invoices."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Count, DecimalField, F, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from controltower.firm.rates import rates
from controltower.measures import walks
from controltower.measures.kpis.measure import Reading, Window, share
from controltower.transactions.models import Item, TransactionState
from controltower.transactions.models.journey import TransactionQuerySet

FEWEST = 5
"""People whose time must stand behind the figure: of fewer it would tell what one of them earns.
For the same reason it is not told day by day."""


def read(window: Window, process: str) -> Reading:
    """The share of what time was billed at that is left over its cost. Each is added up in the
    project's currency and then told in the reporting currency, at the newest rates."""
    latest = walks.latest(window.scope, process).order_by()
    billed = latest.filter(state=TransactionState.VERIFIED)
    return Reading(value=_left(_costed(billed)), records=billed.count())


def _left(time: QuerySet[Item]) -> float | None:
    people = time.aggregate(n=Count(KT("record__resource_name"), distinct=True))["n"]
    if people < FEWEST:
        return None
    known, worth, cost = rates(), Decimal(0), Decimal(0)
    by_currency = time.annotate(currency=KT("record__currency")).values_list("currency")
    sums = by_currency.annotate(worth=Sum("amount"), cost=Sum(F("hours") * F("cost_rate")))
    for currency, billed_at, cost_of_it in sums:
        rate = known.get(currency, Decimal(0))
        worth += billed_at * rate
        cost += cost_of_it * rate
    return share(float(worth - cost), float(worth))


def _costed(billed: TransactionQuerySet) -> QuerySet[Item]:
    """The approved time of which it is known what an hour costs."""
    items = Item.objects.filter(transaction__in=billed.values("pk")).order_by()
    known = items.annotate(
        amount=_number("amount"),
        hours=_number("hours"),
        cost_rate=_number("cost_rate"),
    )
    return known.filter(cost_rate__gt=0)


def _number(name: str) -> Cast:
    """A figure of the record, which keeps it as text."""
    return Cast(KT(f"record__{name}"), DecimalField(max_digits=38, decimal_places=10))
