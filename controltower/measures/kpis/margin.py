"""What billed time leaves over its cost, from the approved time on the latest invoices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db.models import DecimalField, F, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from controltower.canonical.records.base import Personal
from controltower.firm import masks
from controltower.firm.rates import rates
from controltower.measures import walks
from controltower.measures.exposure import Scope
from controltower.measures.kpis.measure import Reading, Window, share
from controltower.transactions.models import Item, TransactionState
from controltower.transactions.models.journey import TransactionQuerySet

FEWEST = 5
"""People whose time must stand behind a company's part of the figure: of fewer it would tell what
one of them earns. For the same reason it is not told day by day, and in whole percents: what one
more invoice changes in it would be the margin of one person's hours."""
MOST_OF_ONE = Decimal("0.5")
"""The share of the hours that may be one person's."""


class Line(NamedTuple):
    """The billed time of one person for one company, in one currency."""

    entity: str
    person: str
    hours: Decimal
    worth: Decimal
    cost: Decimal


def read(window: Window, process: str) -> Reading:
    """The share of what time was billed at that is left over its cost. Each is added up in the
    project's currency and then told in the reporting currency, at the newest rates. Company by
    company it is told to those for whom pay is not masked, or where nobody's pay shows in it: what
    is known of all companies and of all but one is known of that one."""
    latest = walks.latest(window.scope, process).order_by()
    billed = latest.filter(state=TransactionState.VERIFIED)
    companies: dict[str, list[Line]] = {}
    for line in _lines(billed):
        companies.setdefault(line.entity, []).append(line)
    told = {code for code, lines in companies.items() if _is_told(window.scope, code, lines)}
    kept = [line for code in told for line in companies[code]]
    worth = sum((one.worth for one in kept), Decimal(0))
    cost = sum((one.cost for one in kept), Decimal(0))
    left = share(float(worth - cost), float(worth))
    return Reading(
        value=None if left is None else round(left, 2),
        records=billed.count(),
        note=_note(sorted(companies.keys() - told)),
    )


def _is_told(scope: Scope, code: str, lines: Sequence[Line]) -> bool:
    if Personal.PAY not in masks.hidden_from(scope.person, code or None):
        return True
    hours: dict[str, Decimal] = {}
    for one in lines:
        hours[one.person] = hours.get(one.person, Decimal(0)) + one.hours
    return len(hours) >= FEWEST and max(hours.values()) <= MOST_OF_ONE * sum(hours.values())


def _note(left_out: Sequence[str]) -> str:
    if not left_out:
        return ""
    said = _(
        "Without %(companies)s: of fewer than %(n)d people, or where one did most of the work, it "
        "would tell what somebody costs."
    )
    names = ", ".join(code or _("work of no company") for code in left_out)
    return said % {"companies": names, "n": FEWEST}


def _lines(billed: TransactionQuerySet) -> Iterator[Line]:
    known = rates()
    rows = (
        _costed(billed)
        .annotate(currency=KT("record__currency"), person=KT("record__resource_name"))
        .values_list("transaction__entity__code", "person", "currency")
        .annotate(worked=Sum("hours"), worth=Sum("amount"), cost=Sum(F("hours") * F("cost_rate")))
    )
    for code, person, currency, hours, worth, cost in rows:
        rate = known.get(currency, Decimal(0))
        yield Line(code or "", person or "", hours, worth * rate, cost * rate)


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
