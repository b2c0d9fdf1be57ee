"""A worker's lines to systems: one worker at a time calls a connection, so that its limits are
kept."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from controltower.systems import circuit
from controltower.systems.models import Circuit, System
from controltower.transactions.claiming import Claim, claim
from controltower.transactions.world import World

LEASE_SHARE = 10
"""Seconds of a connection's pace that are taken up ahead, well within a lease."""


@dataclass(slots=True)
class Line:
    """A connection that this worker holds: its advisory lock, its calls by system, and whether as
    much was due as it had room for when it last took something up."""

    slug: str
    under_way: Counter[int] = field(default_factory=Counter)
    crowded: bool = False

    def take(self) -> bool:
        """Whether the connection is ours; the session's end releases it, even by kill -9."""
        return self._ask("SELECT pg_try_advisory_lock(%s)")

    def release(self) -> None:
        """Leave the connection to other workers."""
        self._ask("SELECT pg_advisory_unlock(%s)")

    @property
    def key(self) -> int:
        """The lock's number."""
        return int.from_bytes(hashlib.blake2b(self.slug.encode(), digest_size=7).digest(), "big")

    def _ask(self, question: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(question, [self.key])
            row = cursor.fetchone()
        return bool(row and row[0])

    def room(self, systems: Sequence[System]) -> int:
        """How many more steps may be taken up: twice the concurrency, so that the line never runs
        dry, and no more than its pace can send while their leases last."""
        first = systems[0]
        most = min(2 * first.concurrency, math.ceil(first.calls_per_second * LEASE_SHARE))
        room = max(most, 1) - self.under_way.total()
        return room if room * 4 >= most else 0

    def claim(self, around: World, now: datetime) -> list[Claim]:
        """Claim what is due, as far as there is room; one call at a time tests a circuit."""
        systems = [s for s in around.systems.values() if s.connection == self.slug and s.active]
        claims: list[Claim] = []
        room = self.room(systems) if systems else 0
        for system in systems:
            left = room - len(claims)
            if system.circuit != Circuit.CLOSED and self.under_way[system.pk]:
                continue
            if left > 0 and (allowed := circuit.allowance(system, left, now)):
                claims += claim([system.pk], allowed, surging=around.is_surging(now))
        self.crowded = 0 < room == len(claims)
        return claims
