"""What the latest of a process have walked: read once, then told stage by stage and way by way.

The latest that began are enough to see the usual way, and as quick to read among millions as among
a few: two look-ups by keys, whatever a page then asks of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import FloatField
from django.db.models.functions import Cast, Extract

from controltower.measures.exposure import Scope, transactions
from controltower.processes.definition import Process, Workflow
from controltower.transactions.models import Step, Transaction
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.models.states import LIVE, REACHED, TERMINAL
from controltower.transactions.protocol import FINISHED, State

LATEST = 250
"""How many of the latest are looked at."""
SLOWEST = 8
SKIPPED, AGAIN = "-", "+"
"""After a step's name in a path: it was not needed; it took more than one try."""
NO_TIME = timedelta(0)


class Stride(NamedTuple):
    """One step of a walk."""

    name: str
    title: str
    position: int
    state: str
    tries: int
    done_at: float | None
    """Seconds since 1970: thousands of them are read at once, and compared only."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One of the latest: since when the promise's clock has run, and its steps in their order."""

    id: UUID
    state: str
    began: datetime
    ended: datetime | None
    steps: Sequence[Stride]

    def strides(self) -> Iterator[tuple[Stride, float | None]]:
        """Each step with the seconds from the one before it, None until it is done."""
        before = self.began.timestamp()
        for step in self.steps:
            if step.done_at is None:
                yield step, None
                continue
            yield step, max(step.done_at - before, 0.0)
            before = max(before, step.done_at)

    @property
    def way(self) -> str:
        """Its end and the steps that led there: equal for those that went the same way."""
        names = (_named(step) for step in self.steps if step.state in FINISHED)
        return " ".join([self.state, *names])


def _named(step: Stride) -> str:
    if step.state == State.SKIPPED:
        return step.name + SKIPPED
    return step.name + AGAIN if step.tries > 1 else step.name


def latest(scope: Scope, process: str) -> TransactionQuerySet:
    """The latest that began. They are named one by one: whatever else is asked of them, they are
    looked up by their keys and never found by reading all that have ended."""
    newest = transactions(scope).filter(process=process).order_by("-started_at", "-pk")
    return Transaction.objects.filter(pk__in=list(newest.values_list("pk", flat=True)[:LATEST]))


def walks(scope: Scope, process: Workflow) -> Sequence[Walk]:
    """The latest that began, with their steps, the newest first."""
    begun = transactions(scope).filter(process=process.name).order_by("-started_at", "-pk")
    moments = ("started_at", "clock_from", "due_at", "ended_at")
    rows = list(begun.values_list("pk", "state", *moments)[:LATEST])
    steps: dict[UUID, list[Stride]] = {}
    found = Step.objects.filter(transaction__in=[pk for pk, *_rest in rows]).order_by()
    at = Cast(Extract("done_at", "epoch", tzinfo=UTC), FloatField())
    names = ("transaction_id", "name", "title", "position", "state", "tries")
    for pk, *stride in found.values_list(*names, at):
        steps.setdefault(pk, []).append(Stride(*stride))
    return [
        Walk(
            id=pk,
            state=state,
            began=clock_from or _began(process, started_at, due_at),
            ended=ended_at,
            steps=sorted(steps.get(pk, ()), key=lambda step: (step.position, step.name)),
        )
        for pk, state, started_at, clock_from, due_at, ended_at in rows
    ]


def _began(process: Workflow, started_at: datetime, due_at: datetime | None) -> datetime:
    """When the promise's clock began to run: for gathered work, with its billing run."""
    if isinstance(process, Process) and due_at is not None:
        return due_at - process.promise
    return started_at


@dataclass(frozen=True, slots=True)
class Ground:
    """A stage as the latest walked it: how many are past it, the median time that it takes, and
    all the time that it took."""

    name: str
    title: str
    passed: int
    typical: timedelta | None
    took: timedelta


def grounds(walked: Sequence[Walk]) -> Sequence[Ground]:
    """Every stage that one of the latest has, in the order of the longest way: what a short one
    leaves out stands before what follows it on the long one."""
    by_name: dict[str, list[tuple[Stride, float | None]]] = {}
    for walk in walked:
        for stride, took in walk.strides():
            by_name.setdefault(stride.name, []).append((stride, took))
    ordered = sorted(
        by_name.items(), key=lambda each: (max(s.position for s, _ in each[1]), each[0])
    )
    return [_ground(name, strides) for name, strides in ordered]


def _ground(name: str, strides: Sequence[tuple[Stride, float | None]]) -> Ground:
    times = [took for step, took in strides if took is not None and step.state == State.VERIFIED]
    return Ground(
        name=name,
        title=min(step.title for step, _took in strides),
        passed=sum(1 for step, _took in strides if step.state in FINISHED),
        typical=timedelta(seconds=median(times)) if times else None,
        took=timedelta(seconds=sum(times)),
    )


@dataclass(frozen=True, slots=True)
class Variant:
    """A way that some of the latest took to their end: which steps were not needed, and which
    took more than one try."""

    key: str
    count: int
    steps: tuple[str, ...]
    skipped: tuple[str, ...]
    again: tuple[str, ...]
    state: str


def variants(walked: Sequence[Walk]) -> Sequence[Variant]:
    """The ways that those of the latest which have ended took, the commonest first."""
    counts = Counter(walk.way for walk in walked if _has_ended(walk))
    return [_variant(way, count) for way, count in sorted(counts.items(), key=_commonest)]


def walkers(scope: Scope, process: Workflow, key: str) -> TransactionQuerySet:
    """Those of the latest that took the way with this key."""
    return Transaction.objects.filter(pk__in=on_the_way(walks(scope, process), key))


def on_the_way(walked: Sequence[Walk], key: str) -> list[UUID]:
    """Those that have ended by the way with this key."""
    return [walk.id for walk in walked if walk.state in TERMINAL and key_of(walk.way) == key]


def _has_ended(walk: Walk) -> bool:
    """Whether it has come to an end by steps: what was called off before its first has no way."""
    return walk.state in TERMINAL and any(step.state in FINISHED for step in walk.steps)


def _commonest(counted: tuple[str, int]) -> tuple[int, str]:
    way, count = counted
    return -count, way


def key_of(way: str) -> str:
    """A short name for a way, to stand in an address."""
    return sha256(way.encode()).hexdigest()[:12]


def _variant(way: str, count: int) -> Variant:
    state, *walked = way.split()
    return Variant(
        key=key_of(way),
        count=count,
        state=state,
        steps=tuple(one.rstrip(AGAIN) for one in walked if not one.endswith(SKIPPED)),
        skipped=tuple(one.removesuffix(SKIPPED) for one in walked if one.endswith(SKIPPED)),
        again=tuple(one.removesuffix(AGAIN) for one in walked if one.endswith(AGAIN)),
    )


def slowest(walked: Sequence[Walk], now: datetime) -> Sequence[tuple[Transaction, timedelta]]:
    """Those of the latest that took longest, or have been under way for longest, and how long."""
    times = {
        walk.id: (walk.ended or now) - walk.began
        for walk in walked
        if walk.state in {*LIVE, *REACHED}
    }
    most: list[Any] = sorted(
        (pk for pk, took in times.items() if took > NO_TIME),
        key=lambda pk: (times[pk], pk),
        reverse=True,
    )[:SLOWEST]
    rows = Transaction.objects.select_related("entity").in_bulk(most)
    return [(rows[pk], times[pk]) for pk in most if pk in rows]
