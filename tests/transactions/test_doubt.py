"""A step in doubt: what waits for it, and how a person ends it."""

from __future__ import annotations

import pytest

from controltower.canonical.verdicts import Kind
from controltower.systems.models import System
from controltower.transactions import cases, claiming, engine
from controltower.transactions.models import Attempt, Step, Transaction, WaitKind
from controltower.transactions.preparation import prepare
from controltower.transactions.protocol import MOST_TRIES, Purpose, State
from tests.factories import Firm, found, no_answer

pytestmark = pytest.mark.django_db
CLIENT = "001TESTSHARED00001"


@pytest.fixture
def firm() -> Firm:
    return found()


def _doubt(firm: Firm) -> Transaction:
    """A deal whose client was sent to the ERP again and again, and never answered for."""
    silent = {"customer": no_answer()}
    deal = firm.tell(firm.opportunity(customer_id=CLIENT))
    for _send in range(MOST_TRIES):
        deal = firm.play(deal, silent)
        Step.objects.filter(transaction=deal, state=State.UNKNOWN).update(due_at=firm.now)
    step = deal.steps.get(name="customer")
    assert (step.state, step.kind) == (State.PARKED, Kind.UNKNOWN)
    return deal


def test_a_parked_doubt_keeps_its_business_record_to_itself(firm: Firm) -> None:
    first = _doubt(firm)
    other = firm.deal(customer_id="001TESTELSEWHERE01")
    assert other.state == "verified", "another client's record is no concern of it"
    second = firm.play(firm.deal(customer_id=CLIENT))
    step = second.steps.get(name="customer")
    assert (step.state, step.sent_at) == (State.SCHEDULED, None)
    assert (second.state, second.wait) == ("waiting", WaitKind.DEPENDENCY)
    assert first.reference in second.wait_text
    assert second.timeline.filter(text__contains=first.reference).count() == 1, "told once"

    with cases.case_of(first, now=firm.now) as case:
        engine.again(case, case.step("customer"), why="the test says so")
        engine.advance(case)
    assert firm.play(second).state == firm.play(first).state == "verified"
    sent = Attempt.objects.filter(step__name="customer", purpose=Purpose.SEND)
    order = list(sent.exclude(step__transaction=other).order_by("id"))
    assert [one.step.transaction_id for one in order[-2:]] == [first.pk, second.pk]


def test_two_of_one_set_do_not_pass_each_other(firm: Firm) -> None:
    """Taken up together, what repeats its own doubt is sent, and the other waits for it."""
    first = _doubt(firm)
    second = firm.deal(customer_id=CLIENT)
    with cases.case_of(first, now=firm.now) as case:
        engine.again(case, case.step("customer"), why="the test says so")
        engine.advance(case)
    first = firm.play(first, {"customer": no_answer()})
    steps = Step.objects.filter(name="customer", transaction__in=[first, second])
    steps.update(state=State.SCHEDULED, due_at=firm.now, lease_until=None)
    Step.objects.filter(transaction=second).update(ordering_key="")
    claims = claiming.claim(list(System.objects.values_list("pk", flat=True)), 50)
    claims.sort(key=lambda one: one.transaction_id != second.pk)
    assert len(claims) == 2
    intents = prepare(claims, now=firm.now)
    assert [intent.transaction_id for intent in intents] == [first.pk]
