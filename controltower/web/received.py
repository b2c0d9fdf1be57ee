"""What was received for a transaction: each event with its fingerprint, and what became of its
body. The body itself is shown nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch

from controltower.transactions.models import InboundEvent, Item, Removal, Transaction
from controltower.web import formats, privacy

MOST = 20
_EVENTS = InboundEvent.objects.select_related("removal").defer("raw", "record", "keys")
_ITEMS = Item.objects.defer("record").order_by("id")
EVENTS = Prefetch("items", _ITEMS.prefetch_related(Prefetch("event", _EVENTS)))
"""What `events_of` needs of transactions that are read."""


@dataclass(frozen=True, slots=True)
class Received:
    """One event as evidence: of a record as its source names it. Without a removal its body is kept
    as it came."""

    record: str
    source: str
    event: str
    at: datetime
    digest: str
    removal: Removal | None

    @property
    def removed_on(self) -> str:
        """The day on which its body went."""
        return day_of(self.removal) if self.removal else ""


def day_of(removal: Removal) -> str:
    """The day with its year: evidence is read years later."""
    return formats.date_of(formats.here(removal.at).date())


def events_of(items: Iterable[Item], mask: privacy.Mask) -> list[Received]:
    """The events that a transaction rests on, in the order in which they joined it."""
    return [
        Received(
            record=mask.text(one.source_id),
            source=one.source,
            event=mask.text(one.event.event_id),
            at=one.event.received_at,
            digest=one.event.digest,
            removal=one.event.removal,
        )
        for one in items
    ]


def shown(one: Transaction, mask: privacy.Mask) -> dict[str, Any]:
    """The first of them, and how many more there are."""
    items = Item.objects.filter(transaction=one)
    some = items.defer("record").order_by("id").prefetch_related(Prefetch("event", _EVENTS))
    return {"received": events_of(some[:MOST], mask), "received_more": items.count() - MOST}
