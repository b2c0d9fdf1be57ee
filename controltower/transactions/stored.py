"""Stored events in canonical words again, and what a transaction of theirs is called."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from controltower.canonical import records
from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.wire import from_json
from controltower.processes.definition import Process
from controltower.transactions import references
from controltower.transactions.models import InboundEvent, Item, Transaction
from controltower.transactions.world import World


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


def reference_of(event: InboundEvent, process: Process) -> str:
    """By the record; by the very event when the record has begun a transaction before."""
    name = references.reference(event.source, event.subject, process.name)
    if not Transaction.objects.filter(reference=name).exists():
        return name
    return references.reference(event.source, event.event_id, process.name)


def worth_of(items: Iterable[Item], process: Process, around: World, now: datetime) -> Decimal:
    """What facts come to before anything is judged, in major units of their currency."""
    openings = (process.open(canonical(one.event), around.entities, now) for one in items)
    return sum((Decimal(opening.amount) for opening in openings), Decimal(0))
