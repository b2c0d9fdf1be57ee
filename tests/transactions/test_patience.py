"""A target that was too slow is given more time when it is asked again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Done, Outcome, Unknown
from controltower.systems.doors import Doors
from controltower.systems.models import System
from controltower.transactions import settlement
from controltower.transactions.claiming import LEASE, claim
from controltower.transactions.intent import Answered, Intent
from controltower.transactions.models import Attempt, Step
from controltower.transactions.preparation import prepare
from controltower.transactions.protocol import LONGEST_CALL, MOST_TRIES, State, patience
from tests.factories import Firm, found

USUAL = timedelta(seconds=20)


@pytest.fixture
def firm() -> Firm:
    return found()


def test_patience_doubles_within_a_lease() -> None:
    given = [patience(USUAL, late).total_seconds() for late in range(MOST_TRIES)]
    assert given == [20, 40, 45, 45, 45, 45]
    assert LONGEST_CALL < LEASE


def test_patience_is_never_less_than_usual() -> None:
    usual = LONGEST_CALL + timedelta(seconds=5)
    assert patience(usual, 0) == patience(usual, 3) == usual


def _next_call(firm: Firm, step: Step) -> Intent:
    Step.objects.filter(pk=step.pk).update(due_at=firm.now, quarantine_until=firm.now)
    (intent,) = prepare(claim(step.system_id or 0, 1), now=timezone.now())
    return intent


def _customer(firm: Firm) -> Step:
    deal = firm.tell(firm.opportunity())
    firm.play_step(deal, "client")
    return Step.objects.get(transaction=deal, name="customer")


@pytest.mark.django_db
def test_a_call_after_one_that_was_too_late_may_take_twice_as_long(firm: Firm) -> None:
    step = _customer(firm)
    first = _next_call(firm, step)
    assert first.system.deadline == USUAL
    late = timezone.now() + USUAL
    dark = Unknown(text="The ERP did not answer in 20 s.")
    settlement.settle([Answered(first, dark, milliseconds=20_000)], now=late)
    second = _next_call(firm, step)
    told = Attempt.objects.get(pk=second.attempt_id)
    assert second.system.deadline == told.deadline_at - told.started_at == 2 * USUAL
    assert System.objects.get(slug="tryton").deadline == USUAL


@pytest.mark.django_db
def test_a_connection_that_broke_at_once_is_no_reason_for_patience(firm: Firm) -> None:
    step = _customer(firm)
    first = _next_call(firm, step)
    dark = Unknown(text="The connection broke.")
    settlement.settle([Answered(first, dark, milliseconds=3)], now=timezone.now())
    assert Step.objects.get(pk=step.pk).state == State.UNKNOWN
    assert _next_call(firm, step).system.deadline == USUAL


@pytest.mark.django_db
def test_what_waited_for_its_turn_and_was_answered_is_no_reason_either(firm: Firm) -> None:
    step = _customer(firm)
    first = _next_call(firm, step)
    made = Done(ref="C1", outcome=Outcome.CREATED)
    settlement.settle([Answered(first, made, milliseconds=30_000)], now=timezone.now() + 2 * USUAL)
    assert _next_call(firm, step).system.deadline == USUAL


@pytest.mark.django_db
def test_patience_has_a_door_of_its_own_with_the_same_limits(firm: Firm) -> None:
    """A connector keeps to the time that it was opened with, and the usual door stays open."""
    system = System.objects.get(slug="tryton")
    doors = Doors()
    usual, patient = doors.of(system), doors.of(system.within(LONGEST_CALL))
    assert (usual.system.deadline, patient.system.deadline) == (USUAL, LONGEST_CALL)
    assert usual.connector is not patient.connector
    assert (usual.gate, usual.pace) == (patient.gate, patient.pace)
    assert doors.of(system) is usual
    asyncio.run(doors.close())
