"""What the tower's own books hold, and what in them a person knows to be open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db.models import Q, QuerySet

from controltower.processes import catalogue
from controltower.transactions.models import (
    EventState,
    InboundEvent,
    Step,
    Transaction,
    TransactionState,
)
from controltower.transactions.publishing import FIGURES, SUBSCRIBERS, Audience
from controltower.web.tours.comparing import Ledger, Place

IS_WORK = Q(source__regex=r"/(timecard|expense|milestone)$")
COUNTED_FROM_ONE = "kantata"
"""Whose ids are told apart by their kinds alone."""


def place_of(one: Transaction, month: str = "") -> Place:
    """Whose money a transaction moves."""
    return Place(one.entity.code if one.entity else "", one.currency, month)


def name_of(source: str, source_id: str) -> tuple[str, str]:
    """How the PSAs' books name a fact of the inbox, and of what kind it is."""
    connection, _, kind = source.partition("/")
    return (f"{kind} {source_id}" if connection == COUNTED_FROM_ONE else source_id), kind


def told_to(audience: Audience) -> Ledger:
    """What an audience is to hear of: it is at its end and worth something, and tells nobody of
    another."""
    found = Ledger()
    types = {FIGURES.type, SUBSCRIBERS.type}
    told_of = [one.name for one in catalogue.PROCESSES if types.isdisjoint(one.starts_on)]
    rows = Transaction.objects.filter(state__in=audience.ends, process__in=told_of)
    for one in rows.filter(entity__isnull=False).exclude(amount=0).select_related("entity"):
        found.add(one.reference, place_of(one), one.amount)
    return found


def posted(processes: Sequence[str]) -> QuerySet[Step]:
    """The verified postings of these workflows, whatever came of what follows them."""
    steps = Step.objects.filter(name="post", state="verified", transaction__process__in=processes)
    return steps.select_related("transaction__entity")


def reference_of(one: Transaction) -> str:
    """The usual name."""
    return one.reference


def stuck(
    rows: QuerySet[Transaction], name: Callable[[Transaction], str] = reference_of
) -> dict[str, str]:
    """What waits for a person or was ended by one, and why, by its name."""
    return {name(one): _because(one) for one in _known_to_people(rows)}


def excuses(kind: str) -> dict[str, str]:
    """What waits for a person or was ended by one, and why, by its keys of a kind."""
    rows = _known_to_people(Transaction.objects.filter(keys__kind=kind))
    return {
        key.value: _because(one)
        for one in rows.distinct().prefetch_related("keys")
        for key in one.keys.all()
        if key.kind == kind
    }


def set_aside() -> dict[str, str]:
    """Work that was set aside, and why, by its id."""
    aside = InboundEvent.objects.filter(IS_WORK, state=EventState.QUARANTINED)
    return {
        name_of(one.source, one.subject.rpartition(":")[2])[0]: one.reason or "set aside"
        for one in aside
    }


def _known_to_people(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    waiting = Transaction.objects.stuck().values("pk")
    ended = Q(ended_at__isnull=False) & ~Q(state=TransactionState.VERIFIED)
    return rows.filter(Q(pk__in=waiting) | ended)


def _because(one: Transaction) -> str:
    return f"{one.reference} is {one.state} {one.wait_text}".strip()
