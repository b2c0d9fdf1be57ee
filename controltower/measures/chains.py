"""Chains from deal to cash: how the latest have walked from point to point, and what stands where.

The latest deals are told like the latest of any process (`walks.py`), with the milestones of their
chain for steps. What stands now is everything that waits: for a document, for people, for work, for
its invoice, for the client's money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    OuterRef,
    QuerySet,
    Value,
    When,
)

from controltower.measures import walks
from controltower.measures.exposure import Scope, Stake, priced, stakes, transactions
from controltower.measures.paths import StageLine, lines_of
from controltower.measures.walks import LATEST, Stride, Walk
from controltower.processes import catalogue, opportunity_to_project, quote_to_cash
from controltower.processes.definition import Milestone
from controltower.transactions.models import REACHED, Expectation, Transaction, TransactionState
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.models.states import STUCK
from controltower.transactions.protocol import FINISHED, State

DEAL = opportunity_to_project.PROCESS.name
POINTS = quote_to_cash.MILESTONES
NAMES = tuple(point.name for point in POINTS)


class _Deal(NamedTuple):
    """The beginning of a chain."""

    pk: UUID
    chain: str
    state: str
    clock_from: datetime | None
    started_at: datetime
    ended_at: datetime | None


Reached = dict[str, dict[str, datetime]]
"""By chain and milestone, when it was first reached."""


def walked(scope: Scope) -> Sequence[Walk]:
    """The chains of the deals that were won last, the newest first, as far as they have come."""
    newest = transactions(scope).filter(process=DEAL).order_by("-started_at", "-pk")
    names = ("pk", "correlation_id", "state", "clock_from", "started_at", "ended_at")
    deals = [_Deal(*row) for row in newest.values_list(*names)[:LATEST]]
    chains = [deal.chain for deal in deals]
    reached, waived = _reached(chains), _waived(chains)
    return [_walk(deal, reached.get(deal.chain, {}), waived.get(deal.chain, ())) for deal in deals]


def _reached(chains: Sequence[str]) -> Reached:
    found: Reached = {}
    kept = Expectation.objects.filter(correlation_id__in=chains, met_at__isnull=False)
    rows = kept.order_by("met_at").values_list("correlation_id", "milestone", "met_at")
    for chain, milestone, at in [*rows, *_invoiced(chains)]:
        if at is not None:
            found.setdefault(chain, {}).setdefault(milestone, at)
    return found


def _invoiced(chains: Sequence[str]) -> Iterable[tuple[str, str, datetime | None]]:
    """Nobody waits for an invoice by a milestone: the billing itself has a promise."""
    name = quote_to_cash.INVOICE.name
    billed = Transaction.objects.filter(
        correlation_id__in=chains, process__in=_reaching(quote_to_cash.INVOICE), state__in=REACHED
    )
    for chain, at in billed.order_by("ended_at").values_list("correlation_id", "ended_at"):
        yield chain, name, at


def _waived(chains: Sequence[str]) -> Mapping[str, set[str]]:
    """By chain, the milestones whose absence a person has ended."""
    found: dict[str, set[str]] = {}
    rows = Expectation.objects.filter(
        correlation_id__in=chains, met_at__isnull=True, closed_at__isnull=False
    )
    for chain, milestone in rows.order_by().values_list("correlation_id", "milestone"):
        found.setdefault(chain, set()).add(milestone)
    return found


def _walk(deal: _Deal, reached: Mapping[str, datetime], waived: Iterable[str]) -> Walk:
    began = deal.clock_from or deal.started_at
    known = {quote_to_cash.DEAL.name: began, **reached}
    paid = known.get(quote_to_cash.CASH.name)
    called_off = deal.ended_at is not None and deal.state not in REACHED
    under_way = deal.state if called_off else TransactionState.IN_PROGRESS
    return Walk(
        id=deal.pk,
        state=TransactionState.VERIFIED if paid else under_way,
        began=began,
        ended=paid or (deal.ended_at if called_off else None),
        steps=[_stride(n, point, known, waived) for n, point in enumerate(POINTS)],
    )


def _stride(
    position: int, point: Milestone, reached: Mapping[str, datetime], waived: Iterable[str]
) -> Stride:
    at = reached.get(point.name)
    state = State.VERIFIED if at else State.SKIPPED if point.name in waived else State.PLANNED
    done = at.timestamp() if at else None
    return Stride(point.name, point.title, position, state, 1, done)


def past(scope: Scope, milestone: str) -> list[UUID]:
    """The latest deals whose chain is past a milestone."""
    return [
        walk.id
        for walk in walked(scope)
        if any(step.name == milestone and step.state in FINISHED for step in walk.steps)
    ]


def on_the_way(scope: Scope, key: str) -> list[UUID]:
    """The latest deals whose chain has ended by the way with this key."""
    return walks.on_the_way(walked(scope), key)


def stages(scope: Scope, latest: Sequence[Walk]) -> Sequence[StageLine]:
    """Every point in its order: how many of the latest are past it, how long it takes, and what
    waits for it now."""
    found: dict[tuple[Any, ...], Stake] = {}
    is_stuck = Case(
        When(STUCK, then=Value(True)), default=Value(False), output_field=BooleanField()
    )
    for name in NAMES[1:]:
        rows = priced(awaiting(transactions(scope), name)).annotate(is_stuck=is_stuck)
        found |= {(name, stuck): held for (stuck,), held in stakes(rows, "is_stuck").items()}
    return lines_of(walks.grounds(latest), found)


def awaiting(rows: TransactionQuerySet, milestone: str) -> TransactionQuerySet:
    """Those of the rows that stand before a milestone: each stands before one alone."""
    return rows.filter(pk__in=_waiting_for(milestone))


def _waiting_for(milestone: str) -> QuerySet[Any, Any]:
    """The primary keys of what stands before it: what is on its way there, what has made it
    expected, or once that is overdue what stands for its absence. A chain stands before the first
    of its points that is missing."""
    missing = _missing().filter(milestone=milestone)
    here = _first_missing(missing, milestone)
    owing = here.filter(watch__isnull=True, set_by__isnull=False)
    live = Transaction.objects.live().filter(process__in=_reaching(quote_to_cash.named(milestone)))
    return _all(
        [
            owing.order_by().values_list("set_by", flat=True),
            missing.filter(watch__isnull=False).order_by().values_list("watch", flat=True),
            _first_missing(live, milestone).order_by().values_list("pk", flat=True),
        ]
    )


def _first_missing(rows: QuerySet[Any], milestone: str) -> QuerySet[Any]:
    """Those of a chain in which nothing is missing before the milestone. An invoice goes its own
    way."""
    before = NAMES[: NAMES.index(milestone)]
    if not before or quote_to_cash.named(milestone).each:
        return rows
    earlier = _missing().filter(
        correlation_id=OuterRef("correlation_id"), milestone__in=before, about=""
    )
    return rows.exclude(Exists(earlier))


def _missing() -> QuerySet[Expectation]:
    return Expectation.objects.filter(met_at__isnull=True, closed_at__isnull=True)


def _reaching(point: Milestone) -> list[str]:
    return [process.name for process in catalogue.PROCESSES if process.reaches == point]


def _all(parts: Sequence[QuerySet[Any, Any]]) -> QuerySet[Any, Any]:
    first, *others = parts
    return first.union(*others)
