"""The interface registry in figures: each with its contract, thirty days of use, drift and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max, QuerySet, Sum

from controltower.canonical.money import MINOR_UNITS, Money
from controltower.firm.models import Person
from controltower.incidents import drifting
from controltower.measures import exposure
from controltower.measures.exposure import Scope, Stake
from controltower.systems import calls, expiring
from controltower.systems.models import (
    Agreement,
    Drift,
    Interface,
    InterfaceUse,
    InterfaceVersion,
    System,
)
from controltower.transactions import set_aside
from controltower.transactions.models import InboundEvent, Transaction

WINDOW = timedelta(days=30)
SOON = timedelta(days=90)
MOST_ADDED = 2_000


@dataclass(frozen=True, slots=True)
class Use:
    """Who used an interface: a process by its name, or the feed."""

    consumer: str
    calls: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One interface as it stands. `ends_at` is when its vendor ends it, as announced or known."""

    interface: Interface
    api_version: str
    version: InterfaceVersion | None
    proposed: InterfaceVersion | None
    uses: Sequence[Use]
    drifts: Sequence[Drift]
    ends_at: datetime | None

    @property
    def calls(self) -> int:
        """In the last thirty days."""
        return sum(use.calls for use in self.uses)

    @property
    def last_at(self) -> datetime | None:
        """When it was last used, within thirty days."""
        return max((use.last_at for use in self.uses), default=None)

    def ends_soon(self, now: datetime) -> bool:
        """Whether it ends within ninety days, or has ended."""
        return self.ends_at is not None and self.ends_at < now + SOON


def lines(now: datetime, of: QuerySet[Interface] | None = None) -> list[Line]:
    """Every interface of the active systems, by system and record; four queries however many."""
    rows = Interface.objects.filter(system__active=True) if of is None else of
    found = list(rows.select_related("system", "owner"))
    versions = _versions(found)
    uses, drifts = _uses(found, now), _drifts(found)
    systems = {one.system_id: one.system for one in found}
    declared = {pk: _declared(system) for pk, system in systems.items()}
    return [
        Line(
            interface=one,
            api_version=declared[one.system_id][0],
            version=versions.get((one.pk, Agreement.ACTIVE)),
            proposed=versions.get((one.pk, Agreement.PROPOSED)),
            uses=uses.get(one.pk, []),
            drifts=drifts.get(one.pk, []),
            ends_at=one.sunset_at or declared[one.system_id][1],
        )
        for one in found
    ]


def _declared(system: System) -> tuple[str, datetime | None]:
    return calls.descriptor(system).api_version, expiring.declared_end(system)


def _versions(rows: Sequence[Interface]) -> dict[tuple[int, str], InterfaceVersion]:
    states = (Agreement.ACTIVE, Agreement.PROPOSED)
    found = InterfaceVersion.objects.filter(interface__in=rows, state__in=states)
    return {(one.interface_id, one.state): one for one in found.select_related("author")}


def _uses(rows: Sequence[Interface], now: datetime) -> dict[int, list[Use]]:
    found: dict[int, list[Use]] = {}
    used = (
        InterfaceUse.objects.filter(interface__in=rows, day__gt=(now - WINDOW).date())
        .order_by()
        .values_list("interface", "consumer")
        .annotate(all_calls=Sum("calls"), last=Max("last_at"))
    )
    for interface, consumer, count, last in used.order_by("-all_calls", "consumer"):
        found.setdefault(interface, []).append(Use(consumer, count, last))
    return found


def _drifts(rows: Sequence[Interface]) -> dict[int, list[Drift]]:
    found: dict[int, list[Drift]] = {}
    for drift in Drift.objects.filter(interface__in=rows, ended_at=None):
        found.setdefault(drift.interface_id, []).append(drift)
    return found


def open_drifts() -> QuerySet[Drift]:
    """What is not as agreed now, the oldest last."""
    return Drift.objects.filter(ended_at=None).select_related("interface__system", "version")


def held(drift: Drift, scope: Scope) -> QuerySet[Transaction]:
    """The transactions that stand still for a difference, as far as this person sees, priced, most
    money first."""
    steps = drifting.held_by(drift).order_by()
    seen = exposure.transactions(scope).filter(pk__in=steps.values("transaction"))
    return exposure.priced(seen).order_by("-worth", "pk")


def rows_held(drift: Drift, person: Person) -> QuerySet[InboundEvent]:
    """The rows that are set aside for a difference, as far as this person sees."""
    return drifting.rows_of(drift).filter(pk__in=set_aside.visible_to(person).values("pk"))


def worth(rows: QuerySet[InboundEvent]) -> list[Money]:
    """The money that rows name, by currency, where it can be told from them: an estimate."""
    sums: dict[str, Decimal] = {}
    for said in rows.values_list("record", flat=True)[:MOST_ADDED]:
        currency = said.get("currency", "")
        if said.get("amount") and currency in MINOR_UNITS:
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(str(said["amount"]))
    return [Money.of(amount, currency) for currency, amount in sorted(sums.items())]


def stake(drift: Drift, scope: Scope) -> Stake:
    """What it holds in the reporting currency."""
    return exposure.stake(held(drift, scope).order_by())
