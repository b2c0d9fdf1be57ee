"""Cases: transactions under our lock, each with its steps and facts, one or many at a time.

Verbs change a case in memory. Leaving `opened` writes what has changed, set by set, in one database
transaction together with the timeline, and rings the bells after the commit. A step is written as
a compare-and-set on its fence and state; when one has moved meanwhile, nothing of the set is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.db.models import Model
from django.db.transaction import atomic

from controltower import queues
from controltower.processes.definition import Facts, StepDefinition
from controltower.systems.models import System
from controltower.systems.routing import Part
from controltower.transactions import bell, expecting, facts, left_out, publishing, sets
from controltower.transactions.models import (
    REACHED,
    TERMINAL,
    Attempt,
    BusinessKey,
    Delivery,
    Item,
    Step,
    TimelineEntry,
    Transaction,
)
from controltower.transactions.world import World, world

GUARD = ("fence", "state")
AWAY = (OperationalError, InterfaceError)
"""The database cannot be reached or has ended the session: nothing was kept."""


@dataclass(slots=True)
class Case:
    """One transaction with all that is known of it, and what has happened to it since `opened`.

    Its items are read when somebody first asks for them, for all cases read `together` with it:
    what is settled can often go on without.
    """

    transaction: Transaction
    steps: list[Step]
    _items: list[Item] | None
    world: World
    now: datetime
    together: Mapping[UUID, Case] = field(default_factory=dict, repr=False, compare=False)
    entries: list[TimelineEntry] = field(default_factory=list)
    names: list[BusinessKey] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    proofs: list[Delivery] = field(default_factory=list)
    begun: list[Case] = field(default_factory=list)
    """Cases of what has left this one: they are written with it."""
    topics: set[str] = field(default_factory=set)
    has_work: bool = False

    @property
    def items(self) -> list[Item]:
        """The facts that it is about."""
        if self._items is None:
            _read_items(self.together)
        assert self._items is not None
        return self._items

    def step(self, name: str) -> Step:
        """The step of that name. Raises KeyError."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def is_from_before(self) -> bool:
        """Whether its steps were perhaps played in the time that a restore took out of our
        books."""
        point = self.world.recovery
        if point is None:
            return False
        if point.ended_at is None or self.transaction.started_at < point.ended_at:
            return True
        return any(item.event.occurred_at < point.began_at for item in self.items)

    def facts(self) -> Facts:
        """Everything known of the transaction, as its process sees it."""
        records = [item.record for item in self.items]
        return facts.known(self.transaction, self.steps, records, self.world.entities, self.now)

    def definitions(self, known: Facts | None = None) -> dict[str, StepDefinition]:
        """The steps of its process by name."""
        return facts.definitions(self.transaction, known or self.facts())

    def player(self, role: str, record: str) -> System | None:
        """The system that plays a part in this transaction, by the accounting day on which it
        began: all its steps agree, even across a cut-over."""
        transaction = self.transaction
        entity = self.world.entities.get(transaction.entity.code) if transaction.entity else None
        began = transaction.started_at
        day = entity.today(began) if entity else began.date()
        part = Part(role, transaction.entity_id, record, day)
        return self.world.playing(part, {item.source for item in self.items})

    def note(
        self,
        kind: str,
        text: str,
        *,
        step: str = "",
        actor: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Write the timeline entry that belongs to a change, in the same database transaction."""
        self.entries.append(
            sets.made(
                TimelineEntry,
                transaction_id=self.transaction.id,
                at=self.now,
                kind=kind,
                step=step,
                actor=actor,
                text=text[:600],
                detail=detail or {},
            )
        )

    def name(self, kind: str, value: str) -> None:
        """Make the transaction findable under one more name."""
        owner = self.transaction.pk
        key = sets.made(BusinessKey, transaction_id=owner, kind=kind, value=value[:120])
        self.names.append(key)

    def touch(self, *topics: str) -> None:
        """Something that pages show has changed."""
        self.topics.update(("tower", "transactions", *topics))


@contextmanager
def opened(
    ids: Collection[UUID], *, now: datetime, around: World | None = None, patient: bool = True
) -> Iterator[dict[UUID, Case]]:
    """Lock and read transactions; on leaving, write what has changed, commit and ring.

    A new transaction's case may be added to the cases. When not `patient`, transactions that
    somebody else holds are left out. Raises sets.Moved.
    """
    with atomic():
        lock = "FOR UPDATE" if patient else "FOR UPDATE SKIP LOCKED"
        cases = _read(ids, now, around or world(), lock=lock)
        seen = {id(row): dict(row.__dict__) for row in _rows(cases.values())}
        yield cases
        _write([one for case in cases.values() for one in (case, *case.begun)], seen)


@contextmanager
def case_of(transaction: Transaction, *, now: datetime) -> Iterator[Case]:
    """Open one transaction's case; the row given shows the outcome afterwards."""
    with opened([transaction.pk], now=now) as cases:
        yield cases[transaction.pk]
    changed = cases[transaction.pk].transaction
    for field_ in Transaction._meta.concrete_fields:
        setattr(transaction, field_.attname, getattr(changed, field_.attname))


def read(ids: Collection[UUID], *, now: datetime) -> dict[UUID, Case]:
    """Cases as they are, without a lock: to think about, not to change."""
    return _read(ids, now, world())


def _read(
    ids: Collection[UUID], now: datetime, around: World, *, lock: str = ""
) -> dict[UUID, Case]:
    cases: dict[UUID, Case] = {}
    for row in sets.read(Transaction, "id", ids, order="id", lock=lock):
        sets.join(row, entity=around.entity(row.entity_id))
        cases[row.id] = Case(row, [], None, around, now, together=cases)
    for step in sets.read(Step, "transaction_id", cases, order="transaction_id, position"):
        case = cases[step.transaction_id]
        system = None if step.system_id is None else around.systems[step.system_id]
        sets.join(step, transaction=case.transaction, system=system)
        case.steps.append(step)
    return cases


def _read_items(cases: Mapping[UUID, Case]) -> None:
    """Those of all cases of a set that nobody has asked for yet."""
    found: dict[UUID, list[Item]] = {pk: [] for pk, case in cases.items() if case._items is None}
    for item in sets.read(Item, "transaction_id", found, order="id"):
        sets.join(item, transaction=cases[item.transaction_id].transaction)
        found[item.transaction_id].append(item)
    for pk, items in found.items():
        cases[pk]._items = items


def _rows(cases: Iterable[Case]) -> Iterator[Model]:
    for case in cases:
        yield case.transaction
        yield from case.steps


def _write(cases: Sequence[Case], seen: dict[int, dict[str, Any]]) -> None:
    ended = [case for case in cases if _has_ended(case, seen)]
    for case in ended:
        left_out.let_go(case)
    new = [case.transaction for case in cases if id(case.transaction) not in seen]
    sets.insert(new)
    joined = [item for case in cases for item in case._items or () if item._state.adding]
    sets.insert(joined)
    steps = [step for case in cases for step in case.steps]
    sets.insert(step for step in steps if id(step) not in seen)
    sets.keep(Transaction, [case.transaction for case in cases], seen)
    sets.keep(Step, steps, seen, GUARD)
    sets.insert(attempt for case in cases for attempt in case.attempts)
    sets.insert(entry for case in cases for entry in case.entries)
    sets.insert(proof for case in cases for proof in case.proofs)
    sets.insert((name for case in cases for name in case.names), ignore_conflicts=True)
    if cases:
        done = [case.transaction for case in cases if _has_arrived(case, seen)]
        expecting.keep(new, done, joined, around=cases[0].world, now=cases[0].now)
        left_out.tell(ended, now=cases[0].now)
        publishing.owe(done)
    _ring(cases)


def _has_arrived(case: Case, seen: dict[int, dict[str, Any]]) -> bool:
    """Whether it was brought to its end, by us or by hand elsewhere, since it was read."""
    was = seen.get(id(case.transaction))
    return case.transaction.state in REACHED and (was is None or was["state"] not in REACHED)


def _has_ended(case: Case, seen: dict[int, dict[str, Any]]) -> bool:
    """Whether it is over since it was read."""
    was = seen.get(id(case.transaction))
    return case.transaction.is_over and was is not None and was["state"] not in TERMINAL


def _ring(cases: Iterable[Case]) -> None:
    touched = [case for case in cases if case.topics]
    if touched:
        topics = {topic for case in touched for topic in case.topics}
        bell.ring(*topics, transactions=[case.transaction.id for case in touched])
    if any(case.has_work for case in cases):
        queues.ring(queues.ENGINE, "drain")
