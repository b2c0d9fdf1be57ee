"""What is done to the tower and when: pure, and the same for the same seed.

A run draws from a shuffled deck, so that even a short one meets every kind of fault, and a long
one meets them all in ever new order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from controltower.supervisor import plan
from integrations.http import LONGEST_REST
from tests.chaos.proxy import CLEAR, HUGE_RETRY_AFTER, ODD_RETRY_AFTER, Manner, Mode

WORKERS = tuple(name for name, _ in plan.WORKERS)
PROCESSES = ("web", *WORKERS, "dispatcher", "sandbox CRM and PSA", "sandbox ERP")
LATE_WORKERS = {f"late worker {queue}": queue for queue in ("intake", "feeds", "engine")}
"""Workers beside the tower's own, whose clocks may be wrong, and their queues."""
FREEZABLE = (*PROCESSES, "Valkey")
UPSTREAMS = ("crm", "erp")
LOST_ANSWERS = (Mode.CUT, Mode.MUTE)
"""What doubles records in a tower that trusts the network, and so is met twice as often."""
SLEEP, LONG_SLEEP = (1.0, 8.0), (65.0, 80.0)
"""Seconds for which a process is frozen; a worker now and then for longer than its leases."""
SHARES = (0.15, 0.3, 0.5)
"""Of the exchanges that meet a hostile network. Not all: the tower would soon leave the system
alone, and nothing would be met any more."""
WEATHER = 0.12
"""Share of the exchanges that go badly at any other time of the run."""
STORMY = (4.0, 12.0)
"""Seconds for which a network is hostile."""
EVERY = 2.0
"""Seconds between two blows, on average: work must have a chance to go on in between."""
JUMPS = (-3600, -90, 45, 300, 3600)
"""Seconds by which one worker's clock is wrong."""


class Fault(StrEnum):
    """What can be done to the tower."""

    KILL = "killed"
    FREEZE = "frozen"
    DATABASE = "stopped at once"
    WIPE = "wiped and killed"
    CLOCK = "clock jumped"
    HOSTILE = "hostile network"


Card = tuple[Fault, str, Mode | None]
"""A kind of fault, whom it meets, and the mode of a hostile network."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault: when it begins and how long it lasts (seconds), and whom it meets."""

    at: float
    fault: Fault
    target: str
    lasts: float = 0.0
    manner: Manner = CLEAR
    jump: int = 0

    @property
    def name(self) -> str:
        """What the table of recoveries calls it."""
        if self.fault is Fault.HOSTILE:
            return f"{self.target} network: {self.manner.mode}"
        if self.fault is Fault.FREEZE and self.lasts >= min(LONG_SLEEP):
            return f"{self.target} frozen for over a minute"
        return f"{self.target} {self.fault}"


class Pattern(StrEnum):
    """How a partner's message reaches the door."""

    ONCE = "once"
    TWICE = "twice"
    AT_ONCE = "eight at once"
    REORDERED = "newer before older"
    LATE = "late"


class Deed(StrEnum):
    """What happens in the firm."""

    DEAL = "deal won in the CRM"
    TOLD_DEAL = "deal won, told by a partner"
    TIME = "time approved"
    EXPENSE = "expense approved"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens in the firm; `choice` (0 to 1) picks a client or a project."""

    at: float
    number: int
    deed: Deed
    choice: float
    pattern: Pattern = Pattern.ONCE


def blows(seed: int, seconds: float, patience: float) -> list[Blow]:
    """The faults of a run, in order; none begins in its last tenth, none outlasts it.

    What would make the tower rest for longer than the `patience` (seconds) of the settling is left
    out.
    """
    chance = random.Random(f"blows {seed}")
    asked = ODD_RETRY_AFTER + (HUGE_RETRY_AFTER if patience > LONGEST_REST.total_seconds() else ())
    found: list[Blow] = []
    at, cards = 1.0, _decks(chance)
    while at < seconds * 0.9:
        blow = _drawn(chance, next(cards), at, seconds - at, asked)
        found.append(replace(blow, lasts=min(blow.lasts, seconds - at)))
        at += chance.uniform(0.4, 1.6) * EVERY
    return found


def events(seed: int, seconds: float, count: int) -> list[Event]:
    """What happens in the firm: `count` events, evenly spread with some jitter."""
    chance = random.Random(f"events {seed}")
    pace = seconds * 0.95 / max(count, 1)
    return [
        Event(
            at=(number + chance.random()) * pace,
            number=number,
            deed=chance.choices(list(Deed), [2, 3, 4, 1])[0],
            choice=chance.random(),
            pattern=chance.choice(list(Pattern)),
        )
        for number in range(count)
    ]


def _decks(chance: random.Random) -> Iterator[Card]:
    """All faults in a new order, again and again."""
    deck: list[Card] = [
        *((Fault.KILL, name, None) for name in PROCESSES),
        *((Fault.FREEZE, name, None) for name in FREEZABLE),
        (Fault.DATABASE, "PostgreSQL", None),
        (Fault.WIPE, "Valkey", None),
        *((Fault.CLOCK, name, None) for name in LATE_WORKERS),
        *(
            (Fault.HOSTILE, upstream, mode)
            for upstream in UPSTREAMS
            for mode in (*Mode, *LOST_ANSWERS)
            if mode is not Mode.CLEAR
        ),
    ]
    while True:
        chance.shuffle(deck)
        yield from deck


def _drawn(chance: random.Random, card: Card, at: float, left: float, asked: Sequence[str]) -> Blow:
    fault, target, mode = card
    match fault:
        case Fault.FREEZE:
            long = left > max(LONG_SLEEP) and target in WORKERS and chance.random() < 0.25
            return Blow(at, fault, target, lasts=chance.uniform(*(LONG_SLEEP if long else SLEEP)))
        case Fault.CLOCK:
            return Blow(at, fault, target, jump=chance.choice(JUMPS))
        case Fault.HOSTILE if mode is not None:
            manner = Manner(
                mode,
                share=chance.choice(SHARES),
                seconds=round(chance.uniform(0.5, 6), 2),
                status=chance.choice((429, 503)),
                retry_after=chance.choice(asked),
            )
            return Blow(at, fault, target, lasts=chance.uniform(*STORMY), manner=manner)
    return Blow(at, fault, target)
