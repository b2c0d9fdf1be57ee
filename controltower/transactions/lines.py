"""A worker's lines to systems: one worker at a time calls a connection, so that its limits are
kept. Workers share the lines that are due: who finds none asks for some, and who holds several
gives up half.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from controltower.systems import circuit
from controltower.systems.models import Circuit, System
from controltower.transactions import locks
from controltower.transactions.cases import AWAY
from controltower.transactions.claiming import Claim, claim
from controltower.transactions.world import World

AHEAD, FURTHER = 2, 4
"""How many times its concurrency a line takes up, so that it never runs dry; and while the workers
are what is slow, since a large set costs little more than a small one."""
LEASE_SHARE = 10
"""Seconds of a connection's pace that are taken up ahead, well within a lease."""
HOPE, LOOK = 0.5, 0.2
"""Seconds for which a worker without lines asks for some, and between two looks at whether one
does."""
MODEST = 1.0
"""Seconds for which a worker that gave lines up takes no other: the asker is first."""


@dataclass(slots=True)
class Line:
    """A connection that this worker holds: its lock and its calls by system. It is `crowded` when
    it last took up all that it had room for, and `behind` when its systems had nothing to do until
    then: the workers are what is slow. On one that is given up no more is taken up."""

    slug: str
    under_way: Counter[int] = field(default_factory=Counter)
    crowded: bool = False
    behind: bool = False
    ahead: int = AHEAD
    given_up: bool = False

    def take(self) -> bool:
        """Whether the connection is ours; the session's end releases it, even by kill -9."""
        return locks.take(self.slug)

    def release(self) -> None:
        """Leave the connection to other workers."""
        locks.release(self.slug)

    def claim(self, around: World, now: datetime, unanswered: int = 0) -> list[Claim]:
        """Claim what is due, as far as there is room, and no more than its pace can send while
        their leases last. One call at a time tests a circuit. Its systems have so many calls before
        them that are `unanswered`."""
        systems = [s for s in around.systems.values() if s.connection == self.slug and s.active]
        claims: list[Claim] = []
        usual = _most(systems[0], AHEAD) if systems and not self.given_up else 0
        idle = unanswered * 4 < usual
        most = _most(systems[0], self.ahead) if idle else usual
        room = most - self.under_way.total()
        if room * 4 < most:
            room = 0
        for system in systems:
            left = room - len(claims)
            if system.circuit != Circuit.CLOSED and self.under_way[system.id]:
                continue
            if left > 0 and (allowed := circuit.allowance(system, left, now)):
                claims += claim(system.id, allowed, surging=around.is_surging(now))
        self.crowded = 0 < room == len(claims)
        self.behind = self.crowded and idle
        if room > 0:
            self.ahead = FURTHER if self.behind else AHEAD
        return claims


def _most(system: System, times: int) -> int:
    """How many steps may be taken up for a system's connection: so many times its concurrency."""
    paced = math.ceil(system.calls_per_second * LEASE_SHARE)
    return max(min(times * system.concurrency, paced), 1)


class Lines:
    """The lines that a worker holds of those that are due, `crowded` while more is due on one of
    them than there is room for. So many it has `taken` so far."""

    def __init__(self) -> None:
        self.crowded = False
        self.taken = 0
        self._held: dict[str, Line] = {}
        self._asking, self._behind = locks.Sign(locks.WANTED), locks.Sign(locks.BEHIND)
        self._hopes_until = self._looks_at = self._modest_until = 0.0

    @property
    def hope(self) -> bool:
        """Whether it holds none, and another worker may still give some up."""
        return self._asking.shown and monotonic() < self._hopes_until

    def follow(self, due: Collection[str]) -> list[str]:
        """Hold lines of those connections on which something is due: one more at most than before,
        so that the workers share them. Which it holds of these."""
        self.crowded = False
        self._release_idle(due)
        if due:
            self._take_one_more(due)
            self._give_some_up()
        held = [slug for slug in due if slug in self._held]
        if not held:
            self._behind.hide()
        return held

    def claim(
        self, held: Iterable[str], around: World, now: datetime, unanswered: Mapping[str, int]
    ) -> list[Claim]:
        """Claim what is due on some lines, and tell others whether steps fall behind: there are
        systems that have nothing to do while more is due than there is room for."""
        lines = [self._held[slug] for slug in held]
        claims = [one for line in lines for one in line.claim(around, now, unanswered[line.slug])]
        self.crowded = any(line.crowded for line in lines)
        if any(line.behind for line in lines):
            self._behind.show()
        else:
            self._behind.hide()
        return claims

    def takes_up(self, system: System) -> bool:
        """Whether more may be taken up on the system's line."""
        line = self._held.get(system.connection)
        return line is not None and not line.given_up

    def begun(self, systems: Iterable[System]) -> None:
        """Calls are under way to these systems, each as often as it is named."""
        for system in systems:
            self._held[system.connection].under_way[system.id] += 1

    def ended(self, systems: Iterable[System]) -> None:
        """Calls have been answered; some perhaps on lines that were lost with the database."""
        for system in systems:
            if line := self._held.get(system.connection):
                line.under_way[system.id] -= 1

    def let_go(self) -> None:
        """Give all back."""
        for line in self._held.values():
            with suppress(*AWAY):
                line.release()
        with suppress(*AWAY):
            self._asking.hide()
            self._behind.hide()
        self.forget()

    def forget(self) -> None:
        """The session is gone, and all that was held with it."""
        self._held.clear()
        self._asking.forget()
        self._behind.forget()

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
                self.taken += 1
                self._asking.hide()
                return
        if not self._held and not self._asking.shown and self._behind.is_shown_by_others():
            self._asking.show()
            self._hopes_until = monotonic() + HOPE

    def _give_some_up(self) -> None:
        """Half of them, those first that are free soonest, when a worker has none."""
        kept = [line for line in self._held.values() if not line.given_up]
        if len(kept) < 2 or monotonic() < self._looks_at:
            return
        self._looks_at = monotonic() + LOOK
        if self._asking.is_shown_by_others():
            kept.sort(key=lambda line: line.under_way.total())
            for line in kept[: len(kept) // 2]:
                line.given_up = True
            self._looks_at = self._modest_until = monotonic() + MODEST
