"""Watches for what does not come: an overdue expectation becomes a transaction that needs someone.

It stands in the chain like any other, with the owner, the money and the cause by which exceptions
are grouped. When the fact arrives after all it is verified by itself; a person who ends it waives
the expectation. What has been told is never told again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.transaction import atomic

from controltower.firm.models import LegalEntity
from controltower.processes import catalogue
from controltower.systems.models import Recovery
from controltower.transactions import cases, engine, references
from controltower.transactions.cases import Case
from controltower.transactions.models import Expectation, Transaction
from controltower.transactions.world import World, world

MOST_AT_ONCE = 200


def watch(*, now: datetime) -> int:
    """One round; returns how many expectations moved. In recovery mode what is missing may only
    not have been read again yet."""
    moved = settle(now=now)
    return moved if Recovery.objects.open().exists() else moved + tell(now=now)


def tell(*, now: datetime) -> int:
    """Overdue expectations get a transaction that stands for the absence; returns how many."""
    with atomic():
        overdue = Expectation.objects.overdue(now).order_by("due_at", "pk")
        locked = overdue.select_for_update(of=("self",), skip_locked=True)
        rows = list(locked.select_related("set_by__entity", "set_by_event")[:MOST_AT_ONCE])
        if not rows:
            return 0
        around = world()
        with cases.opened([], now=now, around=around) as begun:
            for row in rows:
                case = _absence(row, around, now)
                begun[case.transaction.pk] = case
                row.watch = case.transaction
        Expectation.objects.bulk_update(rows, ["watch"])
    return len(rows)


def _absence(row: Expectation, around: World, now: datetime) -> Case:
    """The case of a fact that has not come: one step, which waits for its owner."""
    played, milestone = catalogue.watched(row.milestone)
    source = _source_of(row, around)
    transaction = Transaction(
        correlation_id=row.correlation_id,
        reference=references.reference(row.correlation_id, row.about, row.milestone),
        process=played.name,
        entity=source.entity,
        title=f"{milestone.title}: {source.title}"[:200],
        counterparty=source.counterparty,
        amount=source.amount if milestone.is_worth_its_chain else Decimal(0),
        currency=source.currency,
        exposure=milestone.exposure or source.exposure,
        subject={"milestone": row.milestone, "name": source.title},
        due_at=row.due_at,
        started_at=now,
        changed_at=now,
    )
    case = Case(transaction, [], [], around, now)
    case.note("accepted", f"{milestone.title} was expected by {row.due_at:%d %B %Y %H:%M} UTC.")
    engine.start(case)
    return case


@dataclass(frozen=True, slots=True)
class Source:
    """What made something expected, as far as its absence is worth and called the same."""

    title: str
    counterparty: str
    entity: LegalEntity | None
    amount: Decimal
    currency: str
    exposure: str = ""


def _source_of(row: Expectation, around: World) -> Source:
    if (one := row.set_by) is not None:
        return Source(
            one.title, one.counterparty, one.entity, one.amount, one.currency, one.exposure
        )
    assert row.set_by_event is not None
    contract = row.set_by_event.record
    return Source(
        title=str(contract.get("name") or contract.get("number") or row.correlation_id)[:200],
        counterparty=str(contract.get("customer_name") or "")[:200],
        entity=around.legal.get(str(contract.get("entity") or "")),
        amount=Decimal(str(contract.get("value") or 0)),
        currency=str(contract.get("currency") or "")[:10],
    )


def settle(*, now: datetime) -> int:
    """End what stands for the absence of a fact that has come, and close what a person ended;
    returns how many. Those that somebody is at work on are left for the next round."""
    ripe = Expectation.objects.settled().order_by("pk")
    with atomic():
        locked = ripe.select_for_update(of=("self",), skip_locked=True)
        rows = {row.watch_id: row for row in locked[:MOST_AT_ONCE]}
        if not rows:
            return 0
        with cases.opened([pk for pk in rows if pk], now=now, patient=False) as found:
            for pk, case in found.items():
                _end(case, rows[pk])
        closed = [rows[pk].pk for pk in found]
        Expectation.objects.filter(pk__in=closed).update(closed_at=now)
    return len(closed)


def _end(case: Case, row: Expectation) -> None:
    if case.transaction.is_over or row.met_at is None:
        return
    arrived = row.met_at.isoformat(timespec="seconds")
    case.transaction.subject = {**case.transaction.subject, "arrived": arrived}
    engine.reconsider(case, why="what was missing has arrived")
