"""A transaction is called off only while no system has got anything of it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Verdict
from controltower.incidents import letters
from controltower.incidents.models import LetterState, Resolution
from controltower.systems.models import System
from controltower.transactions import cancelling, claiming, settlement
from controltower.transactions.intent import Answered
from controltower.transactions.models import Attempt, Transaction
from controltower.transactions.preparation import prepare
from tests.factories import Firm, no_answer, refused, well

pytestmark = pytest.mark.django_db


def _cancel(firm: Firm, one: Transaction, reason: str = "The client withdrew.") -> None:
    cancelling.cancel(transaction=one, reason=reason, by=firm.otto, now=timezone.now())
    letters.catch_up(now=timezone.now())


def test_what_was_not_sent_is_called_off(firm: Firm) -> None:
    """Refused by the ERP and parked: no system has anything."""
    deal = firm.deal(answers={"customer": refused()})
    _cancel(firm, deal)
    assert firm.play(deal).state == "cancelled"
    assert set(deal.steps.values_list("state", flat=True)) <= {"cancelled", "verified", "skipped"}
    letter = firm.letter(deal)
    assert (letter.state, letter.resolution) == (LetterState.RESOLVED, Resolution.DISCARDED)
    with pytest.raises(cancelling.Sent, match="ended"):
        _cancel(firm, deal)


def test_gathered_work_is_called_off_before_its_billing_run(firm: Firm) -> None:
    one = firm.gathering(firm.deal())
    _cancel(firm, one)
    assert (one.state, one.gathering) == ("cancelled", False)


@pytest.mark.parametrize(
    ("answer", "says"), [(refused(), "Undo it there"), (no_answer(), "decided first")]
)
def test_what_may_have_been_sent_is_not(firm: Firm, answer: Verdict, says: str) -> None:
    """The billing event is in the PSA, or nobody knows whether it is."""
    name = "draft" if says.startswith("Undo") else "event"
    deal = firm.deal()
    step = next(s.name for s in firm.bill(firm.deal()).steps.all() if s.verb == "upsert")
    one = firm.bill(deal, answers={step if name == "event" else name: answer})
    with pytest.raises(cancelling.Sent, match=says):
        _cancel(firm, one)
    one.refresh_from_db()
    assert one.state != "cancelled"


def test_what_is_on_its_way_is_not(firm: Firm) -> None:
    deal = firm.tell(firm.opportunity())
    firm.play_step(deal, "client")
    erp = System.objects.get(slug="tryton")
    (intent,) = prepare(claiming.claim(erp.pk, 50), now=firm.now)
    with pytest.raises(cancelling.Sent, match="on its way"):
        _cancel(firm, deal)
    settlement.settle([Answered(intent, well(deal.steps.get(name="customer")))], now=timezone.now())
    assert Attempt.objects.filter(step__transaction=deal, state="acked").exists()
