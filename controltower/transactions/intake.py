"""The inbox: store what came durably, once, before anybody acknowledges it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.transaction import atomic

from controltower import queues
from controltower.canonical.events import CanonicalEvent
from controltower.canonical.wire import to_json
from controltower.transactions import bell
from controltower.transactions.models import InboundEvent


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was stored now, and how many were there already."""

    stored: tuple[UUID, ...]
    duplicates: int


def receive(
    *, facts: Sequence[tuple[bytes, CanonicalEvent]], signature: str, now: datetime
) -> Receipt:
    """Store facts with their raw bytes, deduplicated by (source, event id), in one commit.

    The caller acknowledges to its source only after this has returned.
    """
    rows = [_row(raw, event, signature, now) for raw, event in facts]
    with atomic():
        InboundEvent.objects.bulk_create(rows, ignore_conflicts=True)
        kept = set(
            InboundEvent.objects.filter(id__in=[row.id for row in rows]).values_list(
                "id", flat=True
            )
        )
        stored = tuple(row.id for row in rows if row.id in kept)
        if stored:
            queues.ring(queues.INTAKE, "interpret")
            bell.ring("feed")
    return Receipt(stored, len(rows) - len(stored))


def _row(raw: bytes, event: CanonicalEvent, signature: str, now: datetime) -> InboundEvent:
    return InboundEvent(
        source=event.source,
        event_id=event.id,
        type=event.type,
        subject=event.subject,
        version=event.version,
        occurred_at=event.time,
        received_at=now,
        due_at=now,
        raw=raw,
        digest=hashlib.sha256(raw).hexdigest(),
        signature=signature,
        record_kind=type(event.record).__name__,
        record=to_json(event.record),
        keys=[[key.kind, key.value] for key in event.keys],
        correlation_id=event.correlation_id,
    )
