"""A worker's lines to systems: one worker at a time calls a connection, so that its limits are
kept. Workers share the lines that are due: who finds none asks for some, and who holds several
gives up half.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from django.db import connection

from controltower.systems import circuit
from controltower.systems.models import Circuit, System
from controltower.transactions.cases import AWAY
from controltower.transactions.claiming import Claim, claim
from controltower.transactions.world import World

LEASE_SHARE = 10
"""Seconds of a connection's pace that are taken up ahead, well within a lease."""
HOPE, LOOK = 0.5, 0.2
"""Seconds for which a worker without lines asks for some, and between two looks at whether one
does."""
MODEST = 1.0
"""Seconds for which a worker that gave lines up takes no other: the asker is first."""


@dataclass(slots=True)
class Line:
    """A connection that this worker holds: its advisory lock, its calls by system, and whether as
    much was due as it had room for when it last took something up. On one that is given up no more
    is taken up."""

    slug: str
    under_way: Counter[int] = field(default_factory=Counter)
    crowded: bool = False
    given_up: bool = False

    def take(self) -> bool:
        """Whether the connection is ours; the session's end releases it, even by kill -9."""
        return _asked("SELECT pg_try_advisory_lock(%s)", self.key)

    def release(self) -> None:
        """Leave the connection to other workers."""
        _asked("SELECT pg_advisory_unlock(%s)", self.key)

    @property
    def key(self) -> int:
        """The lock's number."""
        return _number(self.slug)

    def room(self, systems: Sequence[System]) -> int:
        """How many more steps may be taken up: twice the concurrency, so that the line never runs
        dry, and no more than its pace can send while their leases last."""
        first = systems[0]
        most = min(2 * first.concurrency, math.ceil(first.calls_per_second * LEASE_SHARE))
        room = max(most, 1) - self.under_way.total()
        return room if room * 4 >= most else 0

    def claim(self, around: World, now: datetime) -> list[Claim]:
        """Claim what is due, as far as there is room; one call at a time tests a circuit."""
        if self.given_up:
            self.crowded = False
            return []
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


class Lines:
    """The lines that a worker holds of those that are due."""

    def __init__(self) -> None:
        self._held: dict[str, Line] = {}
        self._asks = False
        self._hopes_until = self._looks_at = self._modest_until = 0.0

    @property
    def hope(self) -> bool:
        """Whether it holds none, and another worker may still give some up."""
        return self._asks and monotonic() < self._hopes_until

    def of(self, due: Collection[str]) -> list[Line]:
        """Those that calls may be taken up on, with one more at most than before, so that the
        workers share them."""
        self._release_idle(due)
        if due:
            self._take_one_more(due)
            self._give_some_up()
        return [self._held[slug] for slug in due if slug in self._held]

    def begun(self, systems: Iterable[System]) -> None:
        """Calls are under way to these systems, each as often as it is named."""
        for system in systems:
            self._held[system.connection].under_way[system.pk] += 1

    def ended(self, systems: Iterable[System]) -> None:
        """Calls have been answered; some perhaps on lines that were lost with the database."""
        for system in systems:
            if line := self._held.get(system.connection):
                line.under_way[system.pk] -= 1

    def let_go(self) -> None:
        """Give all back."""
        for line in self._held.values():
            with suppress(*AWAY):
                line.release()
        with suppress(*AWAY):
            self._ask_no_more()
        self.forget()

    def forget(self) -> None:
        """The session is gone, and all that was held with it."""
        self._held.clear()
        self._asks = False

    def _release_idle(self, due: Collection[str]) -> None:
        for slug, line in list(self._held.items()):
            if (line.given_up or slug not in due) and not line.under_way.total():
                self._held.pop(slug).release()

    def _take_one_more(self, due: Iterable[str]) -> None:
        if self._held and monotonic() < self._modest_until:
            return
        for slug in due:
            line = Line(slug)
            if slug not in self._held and line.take():
                self._held[slug] = line
                self._ask_no_more()
                return
        if not self._held and not self._asks:
            self._asks = _asked("SELECT pg_try_advisory_lock_shared(%s)", ASKED_FOR)
            self._hopes_until = monotonic() + HOPE

    def _ask_no_more(self) -> None:
        if self._asks:
            self._asks = False
            _asked("SELECT pg_advisory_unlock_shared(%s)", ASKED_FOR)

    def _give_some_up(self) -> None:
        """Half of them, those first that are free soonest, when a worker has none."""
        kept = [line for line in self._held.values() if not line.given_up]
        if len(kept) < 2 or monotonic() < self._looks_at:
            return
        self._looks_at = monotonic() + LOOK
        if _is_asked_for():
            kept.sort(key=lambda line: line.under_way.total())
            for line in kept[: len(kept) // 2]:
                line.given_up = True
            self._looks_at = self._modest_until = monotonic() + MODEST


def _is_asked_for() -> bool:
    """Whether a worker asks for lines: then the lock that all askers share is not to be had."""
    if not _asked("SELECT pg_try_advisory_lock(%s)", ASKED_FOR):
        return True
    _asked("SELECT pg_advisory_unlock(%s)", ASKED_FOR)
    return False


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")


ASKED_FOR = _number("lines are asked for")


def _asked(question: str, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [key])
        row = cursor.fetchone()
    return bool(row and row[0])
