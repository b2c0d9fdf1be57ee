"""Systems that could take the same part, side by side, by company: what is under way in each, and
what was billed in each, in money."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import Count, Sum

from controltower.firm.models import LegalEntity
from controltower.measures.models import Figure, Kind
from controltower.systems.models import System
from controltower.transactions.models import Step
from controltower.transactions.models.states import LIVE
from controltower.transactions.protocol import FINISHED

MONTH = 7
"""The letters of a date that say its month: "2026-11"."""


def under_way(systems: Collection[System]) -> Mapping[int, Mapping[str, int]]:
    """By system, of each company ("" where none is known) the transactions that still have a step
    to play there. What began before a cut-over ends where it began."""
    waiting = (
        Step.objects.filter(system__in=systems, transaction__state__in=LIVE)
        .exclude(state__in=FINISHED)
        .order_by()
        .values_list("system", "transaction__entity__code")
        .annotate(count=Count("transaction", distinct=True))
    )
    found: dict[int, dict[str, int]] = {system.pk: {} for system in systems}
    for system, company, count in waiting:
        found[system][company or ""] = count
    return found


@dataclass(frozen=True, slots=True)
class Billed:
    """What a company's invoices of an accounting month ("2026-11") come to, less its credit notes,
    without tax, and how many papers these are: by the system in whose books they stand."""

    company: str
    currency: str
    month: str
    amounts: dict[int, Decimal] = field(default_factory=dict)
    papers: dict[int, int] = field(default_factory=dict)

    @property
    def together(self) -> Decimal:
        """What all of the systems hold."""
        return sum(self.amounts.values(), Decimal(0))


def billed(systems: Collection[System], since: date) -> list[Billed]:
    """What was posted in each from a month on, as it was read back from there (as it was sent where
    a system does not repeat the amount); by company, its latest month first. In a cut-over what one
    holds less from a day on, another holds more."""
    codes = dict(LegalEntity.objects.values_list("pk", "code"))
    posted = (
        Figure.objects.filter(
            kind=Kind.BILLED,
            system__in=[one.pk for one in systems],
            month__gte=since.isoformat()[:MONTH],
        )
        .order_by()
        .values_list("system", "entity", "currency", "month")
        .annotate(amount=Sum("amount"), papers=Sum("items"))
        .filter(papers__gt=0)
    )
    found: dict[tuple[str, ...], Billed] = {}
    for system, entity, currency, month, amount, papers in posted:
        company = codes.get(entity, "")
        row = found.setdefault((month, company, currency), Billed(company, currency, month))
        row.amounts[system], row.papers[system] = amount, papers
    latest_first = sorted(found, key=lambda key: key[0], reverse=True)
    return [found[key] for key in sorted(latest_first, key=lambda key: key[1:])]
