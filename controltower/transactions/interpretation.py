"""From a stored event to a transaction: which process it starts, joins or corrects."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F
from django.db.transaction import atomic

from controltower.canonical import records
from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.wire import from_json
from controltower.firm.models import LegalEntity
from controltower.processes import catalogue
from controltower.processes.definition import Opening, Process
from controltower.transactions import bell, correction, engine, references
from controltower.transactions.facts import entities
from controltower.transactions.models import (
    BusinessKey as Key,
)
from controltower.transactions.models import (
    EventState,
    InboundEvent,
    Item,
    Transaction,
    TransactionState,
    WaitKind,
)

log = logging.getLogger(__name__)
MOST_DEATHS = 3


def interpret_due(*, limit: int, now: datetime) -> int:
    """Interpret received events, oldest first; returns how many were taken up."""
    due = InboundEvent.objects.filter(state=EventState.RECEIVED, due_at__lte=now)
    ids = list(due.order_by("due_at", "id").values_list("id", flat=True)[:limit])
    for event_id in ids:
        interpret(event_id, now=now)
    return len(ids)


def interpret(event_id: UUID, *, now: datetime) -> None:
    """received → accepted / superseded / quarantined. A death is counted before the work, so
    that an event which kills its worker three times is set aside."""
    claimed = InboundEvent.objects.filter(id=event_id, state=EventState.RECEIVED)
    mine = claimed.filter(due_at__lte=now)
    if not mine.update(deaths=F("deaths") + 1, due_at=now + timedelta(seconds=30)):
        return
    try:
        with atomic():
            event = (
                InboundEvent.objects.select_for_update(skip_locked=True)
                .filter(id=event_id, state=EventState.RECEIVED)
                .first()
            )
            if event is None:
                return
            if event.deaths > MOST_DEATHS:
                _close(event, EventState.QUARANTINED, "It stopped its worker three times.")
                return
            _interpret(event, now)
    except IntegrityError:
        claimed.update(due_at=now + timedelta(seconds=1))
    except Exception as error:
        log.exception("event could not be interpreted", extra={"event": str(event_id)})
        claimed.update(
            state=EventState.QUARANTINED,
            reason=f"It could not be interpreted ({type(error).__name__}). Nothing was sent.",
        )


def _interpret(event: InboundEvent, now: datetime) -> None:
    fact = canonical(event)
    if _is_older(event):
        _close(event, EventState.SUPERSEDED, "A newer version of this record is here already.")
        return
    process = catalogue.started_by(fact)
    known = Item.objects.filter(source=event.source, source_id=fact.record.source_id)
    for item in known:
        same = process is not None and item.process == process.name
        if (same or _is_withdrawn(fact)) and _correct(item, event, fact, now):
            return
    if process is None:
        _close(event, EventState.ACCEPTED, "Nothing follows from it.")
        return
    opening = process.open(fact, entities(), now)
    transaction = _gathering(process, opening) or _begin(process, opening, event, now)
    _add(transaction, process, opening, event, fact, now)
    _close(event, EventState.ACCEPTED, "")


def _is_withdrawn(fact: CanonicalEvent) -> bool:
    """What is billed already was billed by us or by hand; else the fact has changed its nature."""
    return not getattr(fact.record, "billed", False)


def canonical(event: InboundEvent) -> CanonicalEvent:
    """The stored event in canonical words again."""
    kind = getattr(records, event.record_kind)
    return CanonicalEvent(
        id=event.event_id,
        type=event.type,
        source=event.source,
        subject=event.subject,
        time=event.occurred_at,
        version=event.version,
        record=from_json(kind, event.record),
        keys=tuple(BusinessKey(kind, value) for kind, value in event.keys),
        correlation_id=event.correlation_id,
    )


def _is_older(event: InboundEvent) -> bool:
    return (
        InboundEvent.objects.filter(
            source=event.source,
            subject=event.subject,
            type=event.type,
            version__gt=event.version,
            state=EventState.ACCEPTED,
        )
        .exclude(pk=event.pk)
        .exists()
    )


def _gathering(process: Process, opening: Opening) -> Transaction | None:
    if not opening.group:
        return None
    return (
        Transaction.objects.select_for_update()
        .filter(process=process.name, group=opening.group, gathering=True)
        .first()
    )


def _begin(process: Process, opening: Opening, event: InboundEvent, now: datetime) -> Transaction:
    project = event.record.get("project") or {}
    correlation = (
        event.correlation_id
        or project.get("correlation_id")
        or references.correlation_id(event.source, event.subject)
    )
    gathering = bool(opening.group)
    transaction = Transaction.objects.create(
        correlation_id=correlation,
        reference=_reference(event, process),
        process=process.name,
        entity=LegalEntity.objects.filter(code=opening.entity).first(),
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
        due_at=opening.due,
        started_at=now,
        changed_at=now,
    )
    engine.note(transaction, "accepted", f"{process.title} began: {opening.title}.", now=now)
    return transaction


def _reference(event: InboundEvent, process: Process) -> str:
    """By the record; by the very event when the record has begun a transaction before."""
    name = references.reference(event.source, event.subject, process.name)
    if not Transaction.objects.filter(reference=name).exists():
        return name
    return references.reference(event.source, event.event_id, process.name)


def _add(
    transaction: Transaction,
    process: Process,
    opening: Opening,
    event: InboundEvent,
    fact: CanonicalEvent,
    now: datetime,
) -> None:
    Item.objects.create(
        transaction=transaction,
        event=event,
        process=process.name,
        source=event.source,
        source_id=fact.record.source_id,
        version=event.version,
        record=event.record,
    )
    keys = [*opening.keys, *fact.keys]
    Key.objects.bulk_create(
        [Key(transaction=transaction, kind=key.kind, value=key.value[:120]) for key in keys],
        ignore_conflicts=True,
    )
    if event.correlation_id and event.correlation_id != transaction.correlation_id:
        engine.add_key(transaction, "correlation", event.correlation_id)
    transaction.amount += Decimal(opening.amount)
    transaction.changed_at = now
    transaction.save(update_fields=["amount", "changed_at"])
    if transaction.gathering:
        engine.note(transaction, "gathered", f"{opening.keys[0].value} joined.", now=now)
        bell.ring("tower", "transactions", transactions=[transaction.pk])
    else:
        engine.start(transaction, now=now)


def _correct(item: Item, event: InboundEvent, fact: CanonicalEvent, now: datetime) -> bool:
    """A newer version of a fact we have; whether that was all, or it must find another home."""
    transaction = Transaction.objects.select_for_update().get(pk=item.transaction_id)
    item = Item.objects.select_related("event").get(pk=item.pk)
    item.transaction = transaction
    if item.version > event.version:
        _close(event, EventState.SUPERSEDED, "A newer version of this record is here already.")
        return True
    if transaction.is_over or correction.has_written(transaction):
        text = f"{event.subject} was changed in {event.source} after this had been sent."
        engine.note(transaction, "changed_later", text, now=now)
        _close(event, EventState.ACCEPTED, text)
        return True
    process = catalogue.named(transaction.process)
    opening = process.open(fact, entities(), now)
    before = process.open(canonical(item.event), entities(), now).amount
    if not process.accepts(fact) or correction.belongs_elsewhere(transaction, opening):
        text = f"{event.subject} was changed in {event.source} and belongs elsewhere now."
        correction.take_out(item, before, why=text, now=now)
        return False
    correction.replace(item, event, opening, before, now)
    _close(event, EventState.ACCEPTED, "")
    return True


def _close(event: InboundEvent, state: EventState, reason: str) -> None:
    event.state, event.reason = state, reason[:400]
    event.save(update_fields=["state", "reason"])
