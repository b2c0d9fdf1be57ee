"""Deliveries of many requests, kept in one commit and acknowledged after it.

While a commit is under way the next deliveries gather; when it has ended they are the next one.
There is no timer: the commit in flight is the clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from controltower.transactions import intake
from controltower.web.ledger import Away, Conflicts, Delivery, Ledger, Name, NotKept, Uncertain

log = logging.getLogger(__name__)

MOST_WAITING = 5_000
"""Events that may wait for a commit: beyond, a sender is asked to come again."""
TOGETHER = 500
"""Events in one commit; a delivery is never divided, so the last may go beyond."""
BREATH = 0.02
"""Seconds between two rings of the bell: whoever answered the first is busy for longer."""


class Full(NotKept):
    """As many wait already as may."""


class Unkeepable(NotKept):
    """The database refuses the content itself."""


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A delivery's place in the line, and what became of it: which of its facts were new."""

    delivery: Delivery
    outcome: asyncio.Future[list[bool]]

    def kept(self, new: set[Name]) -> None:
        """Tell whoever waits that it is stored."""
        if not self.outcome.done():
            self.outcome.set_result([name in new for name in self.delivery.events])

    def not_kept(self, why: Exception) -> None:
        """Tell whoever waits that it is not, or perhaps not."""
        if not self.outcome.done():
            self.outcome.set_exception(why)


class GroupCommit:
    """The one writer of a web process. It begins with the first delivery, rests when nobody waits,
    and lives in one event loop."""

    def __init__(self) -> None:
        self.line: list[Place] = []
        self.waiting = 0
        self._ledger = Ledger()
        self._writer: asyncio.Task[None] | None = None
        self._bell = Bell()

    @property
    def is_full(self) -> bool:
        """Whether whoever comes now is sent away."""
        return self.waiting >= MOST_WAITING

    def keep(self, delivery: Delivery) -> asyncio.Future[list[bool]]:
        """Known once it is committed: whether each of its facts was new. NotKept or Uncertain is
        its exception. Raises Full."""
        if self.is_full:
            raise Full
        place = Place(delivery, asyncio.get_running_loop().create_future())
        self.waiting += len(delivery.facts)
        self.line.append(place)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return place.outcome

    async def close(self) -> None:
        """Keep what still waits, then leave the database."""
        if self._writer is not None:
            await self._writer
        await self._bell.close()
        await self._ledger.close()

    async def _write(self) -> None:
        while self.line:
            chosen = self._next()
            await self._keep(chosen)
            self._leave(chosen)

    def _leave(self, places: Sequence[Place]) -> None:
        """They no longer wait, and make room."""
        self.waiting -= sum(len(place.delivery.facts) for place in places)

    def _next(self) -> list[Place]:
        """Those at the head of the line. Of two that share an id the second waits for the next
        commit: by then the first is stored like any other."""
        chosen: list[Place] = []
        left: list[Place] = []
        taken: set[tuple[str, Name]] = set()
        events = 0
        line = iter(self.line)
        for place in line:
            delivery = place.delivery
            names = {("message", delivery.name), *(("event", name) for name in delivery.events)}
            if names.isdisjoint(taken):
                chosen.append(place)
                events += len(delivery.facts)
            else:
                left.append(place)
            taken |= names
            if events >= TOGETHER:
                break
        self.line = [*left, *line]
        return chosen

    async def _keep(self, places: Sequence[Place]) -> None:
        """Commit them, and tell each. Those that cannot be kept cost the others a second try."""
        try:
            new = await self._ledger.commit([place.delivery for place in places])
        except Conflicts as conflicts:
            if others := _without(places, conflicts):
                await self._keep(others)
        except (Away, Uncertain) as error:
            self._give_up(places, error)
        except Exception as error:
            log.exception("a commit of %s deliveries failed", len(places))
            if len(places) == 1:
                places[0].not_kept(_blame(error))
                return
            middle = len(places) // 2
            await self._keep(places[:middle])
            await self._keep(places[middle:])
        else:
            self._acknowledge(places, new)

    def _acknowledge(self, places: Sequence[Place], new: set[Name]) -> None:
        for place in places:
            place.kept(new)
        if new:
            self._bell.ring()

    def _give_up(self, places: Sequence[Place], error: Exception) -> None:
        """Nobody is kept waiting for a database that is away."""
        log.warning("database away: %s", type(error.__cause__).__name__)
        for place in places:
            place.not_kept(type(error)())
        for place in self.line:
            place.not_kept(Away())
        self._leave(self.line)
        self.line = []


def _without(places: Sequence[Place], conflicts: Conflicts) -> Sequence[Place]:
    for place in places:
        if place.delivery in conflicts.found:
            place.not_kept(conflicts.found[place.delivery])
    return [place for place in places if place.delivery not in conflicts.found]


def _blame(error: Exception) -> NotKept:
    """What fails alone has content that cannot be stored, unless the tower itself is at fault."""
    at_fault = isinstance(error, (psycopg.DataError, psycopg.IntegrityError, ValueError))
    return Unkeepable() if at_fault else Away()


class Bell:
    """Rings in a thread, since Redis may be slow; once for all that was committed meanwhile."""

    def __init__(self) -> None:
        self._due = False
        self._ringer: asyncio.Task[None] | None = None

    def ring(self) -> None:
        """There is something new: ring now, or after the ring under way."""
        self._due = True
        if self._ringer is None or self._ringer.done():
            self._ringer = asyncio.create_task(self._ring())

    async def close(self) -> None:
        """Ring what is due."""
        if self._ringer is not None:
            await self._ringer

    async def _ring(self) -> None:
        while self._due:
            self._due = False
            await asyncio.to_thread(intake.announce)
            await asyncio.sleep(BREATH)
