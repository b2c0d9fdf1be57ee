"""A system that cannot be reached is left alone for a while, then tried with one call."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, TryLater, Unavailable
from controltower.systems import circuit
from controltower.systems.models import Circuit, System

pytestmark = pytest.mark.django_db
away = Unavailable(text="connection refused")
answer = Done(ref="1", outcome=Outcome.READ)


@pytest.fixture
def system() -> System:
    return System.objects.create(
        slug="erp",
        title="ERP",
        domain="ERP",
        role="erp",
        connector="tryton",
        connection="erp",
        base_url="http://127.0.0.1:9",
    )


def test_repeated_failures_open_it_and_an_answer_closes_it(system: System) -> None:
    now = timezone.now()
    assert not circuit.note(system, [away] * 3, now)
    assert circuit.note(system, [away], now)
    assert circuit.allowance(system, 10, now) == 0
    later = now + circuit.FIRST_REST + timedelta(seconds=1)
    assert circuit.allowance(system, 10, later) == 1
    assert circuit.note(system, [answer], later)
    assert system.circuit == Circuit.CLOSED
    assert circuit.allowance(system, 10, later) == 10


def test_calls_that_fail_together_open_it_once(system: System) -> None:
    """Thirty calls in flight say no more than four: the first rest is the short one."""
    now = timezone.now()
    circuit.note(system, [away] * 30, now)
    assert system.retry_at == now + circuit.FIRST_REST
    circuit.note(system, [away] * 5, now + timedelta(seconds=3))
    assert system.retry_at == now + circuit.FIRST_REST
    tested = now + circuit.FIRST_REST + timedelta(seconds=1)
    circuit.note(system, [away], tested)
    assert system.retry_at == tested + 2 * circuit.FIRST_REST


def test_a_refusal_is_an_answer(system: System) -> None:
    refused = Rejected(kind=Kind.VALIDATION, text="no")
    circuit.note(system, [away] * 3 + [refused], timezone.now())
    assert system.circuit == Circuit.CLOSED


def test_a_system_that_is_busy_with_a_record_is_not_away(system: System) -> None:
    """A long refresh, or a row that somebody holds, keeps nothing else from being sent."""
    busy = TryLater(kind=Kind.TRANSIENT, text="still running")
    circuit.note(system, [busy] * 2 * circuit.OPENS_AFTER, timezone.now())
    assert system.circuit == Circuit.CLOSED
    outage = TryLater(kind=Kind.OUTAGE, text="503")
    circuit.note(system, [outage] * circuit.OPENS_AFTER, timezone.now())
    assert system.circuit == Circuit.OPEN


def test_each_failed_test_doubles_the_rest() -> None:
    rests = [circuit.rest(n) for n in range(circuit.OPENS_AFTER, 20)]
    assert rests == sorted(rests)
    assert rests[0] == circuit.FIRST_REST
    assert rests[-1] == circuit.LONGEST_REST


def test_a_paused_system_is_not_called(system: System) -> None:
    system.paused_at = timezone.now()
    assert circuit.allowance(system, 10, timezone.now()) == 0
