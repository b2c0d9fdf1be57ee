"""Dead letters follow the transactions that the bell names, however many others are stuck."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from controltower.incidents import letters, settling, triage
from controltower.incidents.models import Cause, DeadLetter, LetterState
from controltower.transactions import replay
from controltower.transactions.models import Step, Transaction
from tests.factories import Firm, stuck_bills

pytestmark = pytest.mark.django_db


def _is_played_again(*bills: Transaction) -> None:
    Step.objects.filter(transaction__in=bills, name="draft").update(
        state="scheduled", due_at=timezone.now()
    )


def test_the_bell_looks_at_the_transactions_it_names(firm: Firm) -> None:
    one, other = stuck_bills(firm, 2)
    _is_played_again(one, other)
    letters.on_bell(None, topics=frozenset({"exceptions", "tower", f"tx-{one.pk}"}))
    assert firm.letter(one).state == LetterState.REPLAYING
    assert firm.letter(other).state == LetterState.OPEN
    letters.catch_up(now=timezone.now())
    assert firm.letter(other).state == LetterState.REPLAYING, "the dispatcher looks at all"


def test_what_is_in_a_plan_has_its_repair_proposed(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    plan = firm.plan(bill, by=firm.anna)
    letters.catch_up(now=timezone.now())
    assert firm.letter(bill).state == LetterState.REPAIR_PROPOSED
    replay.stop(plan=plan, by=firm.anna, now=timezone.now())
    letters.catch_up(now=timezone.now())
    assert firm.letter(bill).state == LetterState.OPEN


def test_what_is_new_under_an_owned_cause_is_assigned(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    triage.assign(cause=firm.cause(bill), to=firm.lena, by=firm.otto, now=timezone.now())
    (later,) = stuck_bills(firm, 1)
    assert {firm.letter(one).state for one in (bill, later)} == {LetterState.ASSIGNED}


def test_what_is_back_says_so_until_somebody_takes_it(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    _is_played_again(bill)
    letters.catch_up(now=timezone.now())
    Step.objects.filter(transaction=bill, name="draft").update(state="parked", due_at=None)
    letters.catch_up(now=timezone.now())
    letters.catch_up(now=timezone.now())
    assert firm.letter(bill).state == LetterState.REOPENED
    triage.assign(cause=firm.cause(bill), to=firm.lena, by=firm.otto, now=timezone.now())
    assert firm.letter(bill).state == LetterState.ASSIGNED


def _is_back(cause: Cause) -> bool:
    return Cause.objects.filter(pk=cause.pk, back_at__isnull=False).exists()


def test_a_solved_cause_is_back_with_the_next_until_somebody_takes_it(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    cause = firm.cause(bill)
    (more,) = stuck_bills(firm, 1)
    assert not _is_back(cause), "more of what is open is not back"
    settling.settle(
        transactions=[bill, more], reason="Typed in by hand.", by=firm.anna, now=timezone.now(),
        discard=False,
    )  # fmt: skip
    letters.catch_up(now=timezone.now())
    stuck_bills(firm, 1)
    assert _is_back(cause)
    triage.assign(cause=cause, to=firm.lena, by=firm.otto, now=timezone.now())
    assert not _is_back(cause)


def test_a_bell_without_transactions_asks_nothing(
    firm: Firm, django_assert_num_queries: Any
) -> None:
    stuck_bills(firm, 1)
    DeadLetter.objects.all().delete()
    with django_assert_num_queries(0):
        letters.on_bell(None, topics=frozenset({"exceptions", "tower"}))
    assert letters.catch_up(now=timezone.now()) == 1
