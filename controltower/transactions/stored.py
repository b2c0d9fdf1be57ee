"""Stored events in canonical words again, and what a transaction of theirs is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from controltower.canonical import records
from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.wire import from_json
from controltower.processes.definition import Opening, Process
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
    openings = _openings(items, process, around, now)
    return sum((Decimal(opening.amount) for opening in openings), Decimal(0))


def earliest_of(
    items: Iterable[Item], process: Process, around: World, now: datetime
) -> datetime | None:
    """When the earliest of facts came to be; None where their process does not ask."""
    moments = (opening.happened for opening in _openings(items, process, around, now))
    return min(filter(None, moments), default=None)


def _openings(
    items: Iterable[Item], process: Process, around: World, now: datetime
) -> Iterator[Opening]:
    return (process.open(canonical(one.event), around.entities, now) for one in items)
