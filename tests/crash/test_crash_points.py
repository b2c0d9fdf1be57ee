"""The engine, killed at every named point, against a target of every effect class: nothing lost,
nothing done twice, and what nobody can know is put before a person."""

from __future__ import annotations

import signal

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Effect, Kind
from controltower.firm.models import Person
from controltower.incidents.models import DeadLetter
from controltower.measures import invariants
from controltower.systems.models import System
from controltower.transactions.models import (
    Forecast,
    ItemState,
    ReplayItem,
    ReplayPlan,
    Step,
    Transaction,
)
from controltower.transactions.protocol import State
from tests.crash.conftest import Yard, pass_time, step_of
from tests.crash.points import (
    BEFORE_RECOVERY,
    CALLS,
    POINTS,
    READ_BACK_CLAIMED,
    REPLAY,
    SWEEPER,
)
from tests.crash.worker import Point, play

points = pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)


@points
def test_every_point_is_a_function_of_the_engine(point: Point) -> None:
    assert callable(point.function())


@points
def test_killed_there_nothing_is_lost_and_nothing_done_twice(yard: Yard, point: Point) -> None:
    orders = yard.order()
    if point is SWEEPER:
        assert yard.kill(BEFORE_RECOVERY) == -signal.SIGKILL
        pass_time(yard.books)
    if point in READ_BACK_CLAIMED:
        System.objects.update(deadline_seconds=40)
    if point in REPLAY:
        _refuse_and_plan(yard, orders)
    assert yard.kill(point) == -signal.SIGKILL, "the point was not passed"
    found = yard.recover(orders)
    assert set(found) == set(orders), "an order was lost"
    for effect, transaction in found.items():
        _judge(yard, effect, transaction)
    assert invariants.breaches(timezone.now()) == {}


def _judge(yard: Yard, effect: Effect, transaction: Transaction) -> None:
    step, effects = step_of(transaction), yard.books.effects(transaction.title)
    told = f"{effect}: {step.state} ({step.kind}: {step.text}), {effects} effects"
    if effect is Effect.UNREPEATABLE and step.state == State.PARKED:
        assert (step.kind, effects <= 1) == (Kind.UNKNOWN, True), told
        assert DeadLetter.objects.filter(step=step).exists(), "nobody was told"
        return
    assert transaction.state == "verified", told
    assert effects == int(effect is not Effect.READ), told


@pytest.mark.parametrize(
    ("point", "effects"),
    [(point, int(point.when == "after")) for point in CALLS if point.effect == "unrepeatable"],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_nobody_can_know_is_in_doubt(yard: Yard, point: Point, effects: int) -> None:
    """One effect or none, and a person is told that it is one or the other."""
    orders = yard.order()
    assert yard.kill(point) == -signal.SIGKILL
    transaction = yard.recover(orders)[Effect.UNREPEATABLE]
    step = step_of(transaction)
    assert (step.state, step.kind) == (State.PARKED, Kind.UNKNOWN)
    assert yard.books.effects(transaction.title) == effects


def _refuse_and_plan(yard: Yard, orders: dict[Effect, str]) -> None:
    """Everything is refused once, and a replay of it is released whose canary came back."""
    yard.books.refuses = True
    pass_time(yard.books)
    play()
    yard.books.refuses = False
    by, _ = Person.objects.get_or_create(username="otto")
    now = timezone.now()
    plan = ReplayPlan.objects.create(title="Again", state="running", requested_by=by,
                                     requested_at=now, released_at=now)  # fmt: skip
    steps = Step.objects.filter(transaction__title__in=orders.values())
    stuck = list(steps.filter(state=State.PARKED))
    assert len(stuck) == len(orders) - 1
    canary = steps.get(transaction__title=orders[Effect.READ])
    ReplayItem.objects.bulk_create(
        ReplayItem(plan=plan, transaction_id=step.transaction_id, step=step, fence=step.fence,
                   forecast=Forecast.CREATE, amount=1, currency="EUR",
                   state=ItemState.VERIFIED if step == canary else ItemState.WAITING)
        for step in (canary, *stuck)
    )  # fmt: skip
