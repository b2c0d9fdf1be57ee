"""The items of replays added up: how many, worth what, foreseen as what, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Sum

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.measures import exposure
from controltower.measures.counting import Worth
from controltower.transactions.models import ItemState, ReplayItem
from controltower.web.charts.small import Progress


@dataclass(frozen=True, slots=True)
class Tally:
    """The items of a plan added up by what was foreseen and what came of them."""

    by: Mapping[tuple[str, str], tuple[int, Decimal]]

    def count(self, *states: str) -> int:
        """How many items are in these states."""
        return sum(n for (_f, state), (n, _worth) in self.by.items() if state in states)

    @property
    def total(self) -> int:
        """How many are to be replayed."""
        return sum(n for (_f, state), (n, _w) in self.by.items() if state != ItemState.EXCLUDED)

    @property
    def value(self) -> Money:
        """What they are worth, in the reporting currency."""
        worth = sum(
            (w for (_f, state), (_n, w) in self.by.items() if state != ItemState.EXCLUDED),
            Decimal(0),
        )
        return Money.of(worth, exposure.reporting_currency())

    @property
    def progress(self) -> Progress:
        """For the bar."""
        return Progress(self.count(ItemState.VERIFIED), self.count(ItemState.FAILED), self.total)

    @property
    def forecasts(self) -> list[tuple[str, int, Money]]:
        """(forecast, count, value), the largest first."""
        found: dict[str, tuple[int, Decimal]] = {}
        for (forecast, _state), (count, worth) in self.by.items():
            before = found.get(forecast, (0, Decimal(0)))
            found[forecast] = (before[0] + count, before[1] + worth)
        lines = [
            (forecast, count, Money.of(worth, exposure.reporting_currency()))
            for forecast, (count, worth) in found.items()
        ]
        return sorted(lines, key=lambda line: (-line[1], line[0]))


def tallies(plans: Sequence[UUID], person: Person) -> dict[UUID, Tally]:
    """The tally of what the person sees of each plan, in one query and the rates."""
    items = ReplayItem.objects.filter(plan__in=plans)
    rows = (
        exposure.within(exposure.Scope(person), items)
        .annotate(worth=Worth())
        .order_by()
        .values_list("plan", "forecast", "state")
        .annotate(n=Count("pk"), sum=Sum("worth"))
    )
    found: dict[UUID, dict[tuple[str, str], tuple[int, Decimal]]] = {}
    for plan, forecast, state, count, worth in rows:
        found.setdefault(plan, {})[forecast, state] = (count, worth or Decimal(0))
    return {plan: Tally(found.get(plan, {})) for plan in plans}
