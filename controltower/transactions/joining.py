"""A transaction as its first fact makes it, and how facts join it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from controltower.canonical.events import CanonicalEvent
from controltower.processes.definition import Opening, Process
from controltower.transactions import promising, references
from controltower.transactions.cases import Case
from controltower.transactions.models import (
    InboundEvent,
    Item,
    Transaction,
    TransactionState,
    WaitKind,
)
from controltower.transactions.world import World


def made(
    process: Process,
    opening: Opening,
    event: InboundEvent,
    reference: str,
    around: World,
    now: datetime,
) -> Transaction:
    """A new transaction, which its facts are still to join."""
    correlation = _chain_of(event) or references.correlation_id(event.source, event.subject)
    gathering = bool(opening.group)
    begun = Transaction(
        correlation_id=correlation,
        reference=reference,
        process=process.name,
        entity=around.legal.get(opening.entity),
        title=opening.title[:200],
        counterparty=opening.counterparty[:200],
        amount=Decimal(0),
        currency=opening.currency[:10],
        exposure=process.exposure,
        subject={**event.record, "entity": opening.entity},
        state=TransactionState.WAITING if gathering else TransactionState.ACCEPTED,
        wait=WaitKind.SCHEDULE if gathering else "",
        wait_text="Gathers approved work for the next invoice." if gathering else "",
        wait_until=opening.gather_until,
        group=opening.group,
        gathering=gathering,
        started_at=now,
        changed_at=now,
    )
    promising.begin(begun, process, opening, around.promises, around.calendar_of(opening.entity))
    return begun


def join(
    case: Case, process: Process, opening: Opening, event: InboundEvent, fact: CanonicalEvent
) -> None:
    """The fact becomes part of the case, with its worth and its names."""
    transaction = case.transaction
    case.items.append(
        Item(
            transaction=transaction,
            event=event,
            process=process.name,
            source=event.source,
            source_id=fact.record.source_id,
            version=event.version,
            record=event.record,
        )
    )
    for key in (*opening.keys, *fact.keys):
        case.name(key.kind, key.value)
    if (chain := _chain_of(event)) and chain != transaction.correlation_id:
        case.name("correlation", chain)
    transaction.amount += Decimal(opening.amount)
    transaction.month = min(filter(None, (transaction.month, opening.month)), default="")
    moments = filter(None, (transaction.happened_at, opening.happened))
    transaction.happened_at = min(moments, default=None)
    transaction.changed_at = case.now
    if transaction.gathering:
        case.note("gathered", f"{opening.keys[0].value} joined.")
    case.touch()


def _chain_of(event: InboundEvent) -> str:
    """The chain that a fact is of, as it says or the project that it is told with; "" where neither
    does."""
    project = event.record.get("project") or {}
    return event.correlation_id or str(project.get("correlation_id") or "")
