"""Ending by a person's word alone: much money takes two, and the trail says how much it was."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.firm.models import AuditEntry
from controltower.incidents import second_persons, settling
from controltower.incidents.models import Settlement
from controltower.incidents.triage import NotAllowed, ReasonMissing
from controltower.transactions.models import Transaction, TransactionState
from tests.factories import Firm, refused, stuck_bills

pytestmark = pytest.mark.django_db
OFF, STUCK = TransactionState.WRITTEN_OFF, TransactionState.DEAD_LETTERED


def stuck_deal(firm: Firm, **values: object) -> Transaction:
    """More than one person may end alone: 48,200 EUR."""
    return firm.deal(answers={"project": refused()}, **values)


def write_off(firm: Firm, *transactions: Transaction, who: str = "otto") -> Settlement:
    return settling.settle(
        transactions=transactions, reason="The client went under.", by=getattr(firm, who),
        now=timezone.now(), discard=True, cause=firm.cause(transactions[0]),
    )  # fmt: skip


def state(one: Transaction) -> str:
    return Transaction.objects.values_list("state", flat=True).get(pk=one.pk)


def test_little_is_ended_at_once_and_the_trail_says_how_much(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    made = write_off(firm, bill)
    assert (made.state, made.ended, state(bill)) == (Settlement.State.CARRIED_OUT, 1, OFF)
    entry = AuditEntry.objects.get(verb="write off")
    assert (entry.subject, entry.detail["amount"]) == (bill.reference, str(bill.amount))
    assert (entry.detail["currency"], entry.entity) == ("EUR", "LF-DE")


def test_much_waits_for_a_second_person_and_ends_by_their_word(firm: Firm) -> None:
    deal = stuck_deal(firm)
    made = write_off(firm, deal)
    assert (made.state, made.worth, state(deal)) == ("proposed", Decimal(48200), STUCK)
    assert not AuditEntry.objects.filter(verb="write off").exists()
    with pytest.raises(settling.NotDecidable):
        write_off(firm, deal)
    (ask,) = second_persons.KINDS["settlement"].waiting(timezone.now())
    assert {person.first_name for person in ask.people} == {"Anna"}
    for who in ("otto", "callum", "priya"):
        with pytest.raises(NotAllowed):
            settling.decide(settlement=made, agree=True, by=getattr(firm, who), now=timezone.now())
    done = settling.decide(settlement=made, agree=True, by=firm.anna, now=timezone.now())
    assert (done.state, done.ended, state(deal)) == ("carried_out", 1, OFF)
    assert "agreed by Anna Lindqvist" in deal.timeline.latest("at").text
    with pytest.raises(settling.NotDecidable):
        settling.decide(settlement=made, agree=False, by=firm.anna, now=timezone.now())


def test_whoever_proposed_it_does_not_agree_to_it(firm: Firm) -> None:
    made = write_off(firm, stuck_deal(firm), who="anna")
    with pytest.raises(NotAllowed):
        settling.decide(settlement=made, agree=True, by=firm.anna, now=timezone.now())
    assert AuditEntry.objects.filter(verb="agree to write off", allowed=False).exists()


def test_many_little_ones_are_much(firm: Firm) -> None:
    made = write_off(firm, *stuck_bills(firm, 4))
    assert (made.state, made.worth) == ("proposed", Decimal(28800))


def test_what_nobody_can_value_takes_two(firm: Firm) -> None:
    made = write_off(firm, stuck_deal(firm, currency="XXQ"))
    assert (made.state, made.worth) == ("proposed", None)


def test_refused_it_stays_stuck_and_may_be_proposed_again(firm: Firm) -> None:
    deal = stuck_deal(firm)
    made = write_off(firm, deal)
    done = settling.decide(settlement=made, agree=False, by=firm.anna, now=timezone.now())
    assert (done.state, state(deal)) == ("refused", STUCK)
    assert write_off(firm, deal).state == "proposed"


def test_what_has_moved_on_meanwhile_is_left_as_it_is(firm: Firm) -> None:
    deal, other = stuck_deal(firm), stuck_deal(firm)
    made = write_off(firm, deal, other)
    Transaction.objects.filter(pk=other.pk).update(state=TransactionState.IN_PROGRESS)
    done = settling.decide(settlement=made, agree=True, by=firm.anna, now=timezone.now())
    Transaction.objects.filter(pk=other.pk).update(state=STUCK)
    assert (done.ended, state(deal), state(other)) == (1, OFF, STUCK)


def test_a_reason_and_the_right_are_asked_for(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    with pytest.raises(NotAllowed):
        write_off(firm, bill, who="lena")
    with pytest.raises(ReasonMissing):
        settling.settle(
            transactions=[bill], reason=" ", by=firm.anna, now=timezone.now(), discard=True
        )
    assert not Settlement.objects.exists()
