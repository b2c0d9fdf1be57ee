"""The world in which the step protocol is searched: rows, workers, a doorbell, a target.

A world is a value: small, hashable, with nothing in it that could not differ in what follows. The
fence is kept as "ours or not": only whether a worker's or a plan's fence is still the row's can
ever matter, and one that is not never is again. Time is kept as what has run out and what has not.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from controltower.canonical.verdicts import Effect, Kind
from controltower.transactions.protocol import Purpose, State
from controltower.transactions.resolver import Counts


class Offer(NamedTuple):
    """What a class of target offers, and the name that the design gives it."""

    name: str
    effect: Effect
    forgets: bool = False
    """Whether it forgets keys: after a declared time (class A')."""


A = Offer("A", Effect.KEYED)
A_HORIZON = Offer("A'", Effect.KEYED, forgets=True)
B = Offer("B", Effect.PROBED)
C = Offer("C", Effect.LAGGING)
D = Offer("D", Effect.UNREPEATABLE)
OFFERS = (A, A_HORIZON, B, C, D)


class Phase(IntEnum):
    """How far a worker is with a step."""

    IDLE = 0
    AWAKE = 1
    CLAIMED = 2
    INTENDED = 3
    SENT = 4
    ANSWERED = 5


class Wait(IntEnum):
    """When a step is due: a moment's back-off, or as long as the quarantine."""

    NOW = 0
    SOON = 1
    LONG = 2


class Lease(IntEnum):
    """A step's lease on the database's clock."""

    NONE = 0
    LIVE = 1
    OVER = 2


class Says(IntEnum):
    """What a call came to, as the connector tells it."""

    NOTHING = 0
    DONE = 1
    ABSENT = 2
    TWICE = 3
    DIFFERS = 4
    UNKNOWN = 5
    UNREACHED = 6
    LATER = 7
    REFUSED = 8
    THERE = 9
    CLOSED = 10
    MISSET = 11
    PENDING = 12
    STRANGER = 13


class Row(NamedTuple):
    """A step as the database has it."""

    effect: Effect
    state: State = State.SCHEDULED
    kind: Kind | None = None
    counts: Counts = Counts()
    sent: bool = False
    acked: bool = False
    key_lives: bool = True
    lease: Lease = Lease.NONE
    due: Wait = Wait.NOW
    quarantined: bool = False
    generation: int = 0
    left_open: bool = False
    """An attempt without an end, left by a worker that died."""
    numbered: bool = False
    """Whether a person has said under which number the target has it."""


class Target(NamedTuple):
    """The other system's books about one step, and requests of ours still on their way to it."""

    effects: int = 0
    shown: int = 0
    """How many of them its index shows (class C)."""
    settled: int = 0
    """How many of them were there when the present long wait began."""
    keys: int = 0
    """The keys that it remembers, as bits."""
    late: tuple[int, ...] = ()
    """The keys of requests on their way whose sender has given up or died."""


class Worker(NamedTuple):
    """One worker's memory; it dies with the worker."""

    phase: Phase = Phase.IDLE
    step: int = 0
    ours: bool = False
    in_time: bool = True
    purpose: Purpose | None = None
    came_from: State | None = None
    key: int = 0
    looks: bool = False
    """Whether it asks before it sends."""
    says: Says = Says.NOTHING


class World(NamedTuple):
    """Everything. `replays` and `ends` are what people may still do; faults are counted by the
    search, since a world is worth no less for having been reached with fewer of them."""

    rows: tuple[Row, ...]
    targets: tuple[Target, ...]
    workers: tuple[Worker, ...]
    jobs: int
    plans: tuple[tuple[int, bool], ...]
    """Replays that people have planned but not released: the step, and whether its fence is
    still what the plan saw."""
    replays: int
    ends: int
    looks: tuple[tuple[int, bool, bool], ...] = ()
    """What people have seen in the target but not said yet: the step, whether its fence is still
    what they saw, and whether it was there."""
    findings: int = 0
    """How often somebody may still look."""


IDLE = Worker()


def world(
    offer: Offer, *, replays: int = 2, ends: int = 0, steps: int = 1, findings: int = 0
) -> World:
    """The beginning: steps just scheduled, one ring of the bell, two workers asleep."""
    rows, targets = (Row(offer.effect),) * steps, (Target(),) * steps
    return World(rows, targets, (IDLE, IDLE), 1, (), replays, ends, (), findings)
