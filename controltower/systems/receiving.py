"""The door in: messages that a system sends in its vendor's dialect, signed as the vendor signs.

The connector of the system that the address names checks the signature and translates. Which
systems do that is looked up again when it was looked up a while ago, not for every message: whoever
knocks without a key costs the database nothing. Some vendors say only what to read again: then the
feed is read sooner, and nothing is taken from the message itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from channels.db import database_sync_to_async

from controltower.canonical.contracts import Terms, merged
from controltower.canonical.events import CanonicalEvent
from controltower.systems.calls import connection_of
from controltower.systems.models import Feed, System
from integrations import catalogue
from integrations.connector import Forged, Receiver
from integrations.shape import Drift, agreeing
from integrations.telling import Hinted

__all__ = ["Drift", "Forged", "Receivers"]

KNOWN_FOR = 10.0
"""Seconds after which a new system, or a new key of one, is noticed."""


@dataclass(frozen=True, slots=True)
class _Ear:
    """Who reads a system's messages, and what was agreed on about all that it may tell."""

    connector: Receiver | Hinted
    terms: Terms


class Receivers:
    """The systems that send messages, by their short names. Lives in one event loop."""

    def __init__(self) -> None:
        self._known: Mapping[str, _Ear] = {}
        self._until = 0.0
        self._looking = asyncio.Lock()

    async def read(
        self, slug: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Sequence[tuple[bytes, CanonicalEvent]] | None:
        """What a message says, None when no such system sends any. Raises Forged, Drift."""
        receiver = await self._of(slug)
        if receiver is None:
            return None
        if isinstance(receiver.connector, Hinted):
            entities = receiver.connector.hinted(headers, body)
            await database_sync_to_async(read_soon)(slug, entities, now)
            return []
        with agreeing(receiver.terms):
            changes = receiver.connector.verify_inbound(headers, body, now)
        return [(change.raw, change.event) for change in changes]

    async def greeting(self, slug: str, query: bytes) -> bytes:
        """What a vendor that asks whether this is our door is answered; empty when none asks."""
        receiver = await self._of(slug) if query else None
        if receiver is None or not isinstance(receiver.connector, Hinted):
            return b""
        return receiver.connector.greeting(dict(parse_qsl(query.decode("latin-1")))).encode()

    async def _of(self, slug: str) -> _Ear | None:
        async with self._looking:
            if time.monotonic() >= self._until:
                self._known = await database_sync_to_async(_receivers)()
                self._until = time.monotonic() + KNOWN_FOR
        return self._known.get(slug)


def read_soon(slug: str, entities: Collection[str], now: datetime) -> None:
    """Have feeds read now. What is due within a lease is in somebody's hands already, or soon will
    be: it is left alone, so that no two read one feed."""
    waiting = Feed.objects.filter(system__slug=slug, due_at__gt=now + Feed.LEASE)
    waiting.filter(entity__in=entities).update(due_at=now)


def _receivers() -> dict[str, _Ear]:
    found: dict[str, _Ear] = {}
    for system in System.objects.filter(active=True):
        connector = catalogue.connect(system.connector, connection_of(system))
        if isinstance(connector, Receiver | Hinted):
            terms = merged(Terms.of(agreed) for agreed in system.terms.values())
            found[system.slug] = _Ear(connector, terms)
    return found
