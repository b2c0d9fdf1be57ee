"""Search every history of a world and tell the simplest one that breaks a rule.

Histories are searched by the number of their faults, then by their length: a world that was reached
with fewer faults is not searched again with more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from controltower.canonical.verdicts import Effect
from controltower.transactions.protocol import IN_DOUBT, State
from controltower.transactions.resolver import UNDER_WAY
from tests.model import around, workers
from tests.model.change import Next, Sort, rested
from tests.model.game import Game
from tests.model.world import Phase, Row, World

ENDS = frozenset({State.VERIFIED, State.SKIPPED, State.CANCELLED})
TOLD = frozenset({State.PARKED, State.HELD, State.SCHEDULED})
"""Where people, and corrections of the facts, are told whether something was written."""
TWICE = "Two effects."
LOST = "The target does not have what is "
SAID = "It is said that nothing was written, but it is, or may be, there."
NO_END = "A way out of an end: "
NOBODY = "What can be neither repeated nor looked up was not put before a person."
TOGETHER = "Two steps of one business record are in flight."
PASSED = "A business record is written to while nobody knows whether an earlier step reached it."
STUCK = "Nothing but a person or a fault would ever move it on."
AT_REST = ENDS | {State.PARKED, State.HELD}


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to. `broken` is the rule that does not hold, or ""."""

    worlds: int
    moves: int
    broken: str = ""
    history: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = "".join(f"\n    {number}. {text}" for number, text in enumerate(self.history, 1))
        return f"{self.broken}{told}\n    ({self.worlds} worlds, {self.moves} moves searched)"


@dataclass(slots=True)
class Search:
    """One search: the worlds reached, and how. `rule` is the only one asked for, or "" for all."""

    game: Game
    rule: str = ""
    before: dict[World, tuple[World, str] | None] = field(default_factory=dict)
    moves: int = 0
    _next_level: dict[World, tuple[World, str]] = field(default_factory=dict)
    _back: dict[World, list[World]] = field(default_factory=dict)

    def run(self, start: World, *, faults: int) -> Found:
        """Every world that can be reached with so many faults; stops at the first broken rule."""
        self.before[start] = None
        level = [start]
        for left in range(faults, -1, -1):
            self.game.may_fail = left > 0
            self._next_level = {}
            if found := self._search_level(deque(level)):
                return found
            level = [
                world
                for world, (now, text) in self._next_level.items()
                if self._is_new(world, now, text)
            ]
        stuck = self._never_at_rest()
        if stuck is None or not STUCK.startswith(self.rule):
            return self._found("")
        return self._found(STUCK, stuck)

    def _search_level(self, queue: deque[World]) -> Found | None:
        while queue:
            now = queue.popleft()
            for move in self._moves(now):
                self.moves += 1
                if broken := self._broken_by(now, move):
                    return self._found(broken, now, move.text)
                if move.sort is Sort.FAULT:
                    self._next_level.setdefault(move.world, (now, move.text))
                elif self._is_new(move.world, now, move.text):
                    queue.append(move.world)
        return None

    def _moves(self, now: World) -> Iterator[Next]:
        for move in chain(workers.moves(self.game, now), around.moves(self.game, now)):
            yield move._replace(world=rested(move.world)) if self.game.recipe.fenced else move

    def _is_new(self, world: World, now: World, text: str) -> bool:
        if world in self.before:
            return False
        self.before[world] = (now, text)
        return True

    def _broken_by(self, now: World, move: Next) -> str:
        if move.sort is Sort.WORK:
            self._back.setdefault(move.world, []).append(now)
        found = _broken_move(now, move)
        if move.world not in self.before:
            found = chain(found, _broken(move.world))
        return next((text for text in found if text.startswith(self.rule)), "")

    def _found(self, broken: str, world: World | None = None, last: str = "") -> Found:
        told = [last] if last else []
        while world is not None and (step := self.before[world]) is not None:
            world = step[0]
            told.append(step[1])
        return Found(len(self.before), self.moves, broken, tuple(reversed(told)))

    def at_rest(self) -> list[World]:
        """The worlds reached in which every step is at an end, with a person, or behind one that
        is."""
        return [now for now in self.before if self._rests(now)]

    def _rests(self, now: World) -> bool:
        held_up = any(row.state is State.PARKED and row.kind is IN_DOUBT for row in now.rows)
        return all(
            row.state in AT_REST
            or (held_up and row.state is State.SCHEDULED and self.game.waits(now, step))
            for step, row in enumerate(now.rows)
        )

    def _never_at_rest(self) -> World | None:
        """A world from which work and time alone never come to rest."""
        resting = deque(self.at_rest())
        able = set(resting)
        while resting:
            for earlier in self._back.get(resting.popleft(), ()):
                if earlier not in able:
                    able.add(earlier)
                    resting.append(earlier)
        return next((world for world in self.before if world not in able), None)


def _broken_move(now: World, move: Next) -> Iterator[str]:
    for old, new in zip(now.rows, move.world.rows, strict=True):
        if old.state in ENDS and new.state is not old.state:
            yield f"{NO_END}{old.state.value} became {new.state.value}."
        unanswered = new.state is State.UNKNOWN and old.state is not State.UNKNOWN
        sent = new.state is State.SENDING and old.state is not State.SENDING
        if sent and old.kind is not IN_DOUBT and any(map(_undecided, now.rows)):
            yield PASSED
        if unanswered and new.effect is Effect.UNREPEATABLE and move.sort is not Sort.PERSON:
            yield NOBODY


def _undecided(row: Row) -> bool:
    return row.sent and row.kind is IN_DOUBT and row.state not in ENDS | {State.ACKED}


def _broken(now: World) -> Iterator[str]:
    for step, (row, target) in enumerate(zip(now.rows, now.targets, strict=True)):
        if target.effects > 1:
            yield TWICE
        if row.state in {State.ACKED, State.VERIFIED} and not target.effects:
            yield f"{LOST}{row.state}."
        under_way = any(w.phase is Phase.SENT and w.step == step for w in now.workers)
        there = target.effects or target.late or under_way
        known = row.acked or row.kind is IN_DOUBT
        if row.state in TOLD and row.sent and there and not known:
            yield SAID
    if sum(row.state in UNDER_WAY for row in now.rows) > 1:
        yield TOGETHER
