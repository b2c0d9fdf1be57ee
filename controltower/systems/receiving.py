"""The door in: messages that a system sends in its vendor's dialect, signed as the vendor signs.

The connector of the system that the address names checks the signature and translates. Which
systems do that is looked up again when it was looked up a while ago, not for every message: whoever
knocks without a key costs the database nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels.db import database_sync_to_async

from controltower.canonical.contracts import Terms, merged
from controltower.canonical.events import CanonicalEvent
from controltower.systems.calls import connection_of
from controltower.systems.models import System
from integrations import catalogue
from integrations.connector import Forged, Receiver
from integrations.shape import Drift, agreeing

__all__ = ["Drift", "Forged", "Receivers"]

KNOWN_FOR = 10.0
"""Seconds after which a new system, or a new key of one, is noticed."""


@dataclass(frozen=True, slots=True)
class _Ear:
    """Who reads a system's messages, and what was agreed on about all that it may tell."""

    connector: Receiver
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
        async with self._looking:
            if time.monotonic() >= self._until:
                self._known = await database_sync_to_async(_receivers)()
                self._until = time.monotonic() + KNOWN_FOR
        receiver = self._known.get(slug)
        if receiver is None:
            return None
        with agreeing(receiver.terms):
            changes = receiver.connector.verify_inbound(headers, body, now)
        return [(change.raw, change.event) for change in changes]


def _receivers() -> dict[str, _Ear]:
    found: dict[str, _Ear] = {}
    for system in System.objects.filter(active=True):
        connector = catalogue.connect(system.connector, connection_of(system))
        if isinstance(connector, Receiver):
            terms = merged(Terms.of(agreed) for agreed in system.terms.values())
            found[system.slug] = _Ear(connector, terms)
    return found
