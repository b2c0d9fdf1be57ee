"""Retainers: a fee each month, once; what it covers is not billed, and given back when wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical import events
from controltower.canonical.records import Contract, TimeEntry
from controltower.canonical.verdicts import Done, Outcome
from controltower.incidents import settling
from controltower.measures.checks.finding import Span
from controltower.measures.checks.money import balanced
from controltower.processes import retained_work
from controltower.transactions import closing, interpretation, retaining, uncapping
from controltower.transactions.models import Expectation, Transaction
from tests.factories import Firm, refused
from tests.transactions.test_capped_contracts import above, agreed, listening, worth

pytestmark = pytest.mark.django_db
FEE = "retainer_month"


@pytest.fixture
def firm(firm: Firm) -> Firm:
    return listening(firm)


def retained(firm: Firm, **said: Any) -> Transaction:
    """A deal whose contract is signed with a retainer of 60 hours, from this month on."""
    deal = firm.deal()
    deal_id = str(deal.subject["source_id"])
    terms: dict[str, Any] = {
        "currency": "EUR", "number": f"C-{deal_id[-4:]}", "retainer": Decimal("9000.00"),
        "retainer_hours": Decimal(60), "retainer_billed": "advance", "retainer_above": "bill",
        "retainer_unused": "expire", "starts_on": firm.today.replace(day=1),
    }  # fmt: skip
    contract = Contract(source_id=f"env-{deal_id}", opportunity_id=deal_id, **terms | said)
    firm.receive(
        firm.event(events.CONTRACT_SIGNED, "clm/contract", contract.source_id, contract, 1)
    )
    return deal


def fees(firm: Firm, deal: Transaction) -> list[Transaction]:
    """The retainer's invoices of a deal, told and played as far as they go."""
    retaining.tell(now=firm.now)
    interpretation.interpret_due(limit=100, now=firm.now)
    found = Transaction.objects.filter(
        correlation_id=deal.correlation_id, items__record__has_key=FEE
    ).order_by("month")
    return [firm.play(one) for one in found]


def test_a_month_is_billed_once_whatever_happens(firm: Firm) -> None:
    deal = retained(firm)
    (fee,) = fees(firm, deal)
    assert worth(fee) == ("verified", Decimal(9000))
    assert retaining.tell(now=firm.now) == 0
    assert fees(firm, deal) == [fee]
    sent = fee.steps.get(name="draft").sent
    assert [line["amount"] for line in sent["lines"]] == ["9000.00"]
    assert sent["lines"][0]["description"].startswith("Retainer ")
    month = f"{firm.today:%Y-%m}"
    assert fee.month == month
    assert fee.keys.filter(kind="retainer", value__endswith=month).exists()


def test_in_arrears_a_month_is_billed_once_it_is_over(firm: Firm) -> None:
    start = (firm.today.replace(day=1) - timedelta(days=1)).replace(day=1)
    deal = retained(firm, starts_on=start, retainer_billed="arrears")
    (fee,) = fees(firm, deal)
    assert fee.month == f"{start:%Y-%m}"
    booked = date.fromisoformat(fee.items.get().record["on"])
    assert (booked + timedelta(days=1)).day == 1


def test_work_inside_is_covered_and_work_above_is_billed(firm: Firm) -> None:
    deal = retained(firm)
    first = firm.bill(deal)
    assert worth(first) == ("verified", Decimal(0))
    assert "7,200.00 EUR covered by the retainer" in _story(first)
    assert {one.name: one.state for one in first.steps.all()} == {
        "check": "verified", "client": "verified", "billing-event": "verified",
        "draft": "skipped", "post": "skipped", "status": "verified",
    }  # fmt: skip
    status = first.steps.get(name="status").sent
    assert status["invoice_number"] == f"Covered by retainer {firm.today:%Y-%m}"
    second = firm.bill(deal)
    assert worth(second) == ("verified", Decimal(3600))
    lines = second.steps.get(name="draft").sent["lines"]
    assert [line["amount"] for line in lines] == ["7200.00", "-3600.00"]
    assert worth(firm.bill(deal)) == ("verified", Decimal(7200))
    assert not balanced(Span(timezone.now())).breaches
    late = Expectation.objects.filter(milestone="cash-applied", about=first.reference)
    assert not late.exists()


def _story(one: Transaction) -> str:
    return " ".join(one.timeline.values_list("text", flat=True))


def test_by_amount_the_fee_itself_is_what_is_covered(firm: Firm) -> None:
    deal = retained(firm, retainer_hours=Decimal(0))
    assert worth(firm.bill(deal)) == ("verified", Decimal(0))
    assert worth(firm.bill(deal)) == ("verified", Decimal(5400))


def test_work_above_is_held_until_a_change_order_agrees_to_it(firm: Firm) -> None:
    deal = retained(firm, retainer_above="hold")
    firm.bill(deal)
    second = firm.bill(deal)
    assert worth(second) == ("verified", Decimal(0))
    rest = above(firm, second)
    assert worth(rest) == ("dead_lettered", Decimal(3600))
    step = rest.steps.get(name="check")
    assert "is above the retainer of its contract" in step.text
    assert firm.cause(rest).owner_role == "pmo_lead"
    agreed(firm, deal, "3600.00")
    assert uncapping.release(now=firm.now) == 1
    assert worth(firm.play(rest)) == ("verified", Decimal(3600))


def taken_back(firm: Firm, deal: Transaction, bill: Transaction, amount: str) -> Transaction:
    """What becomes of it when so much of an invoice's only time turns out to be wrong."""
    item = bill.items.get().record
    number = bill.steps.get(name="status").sent["invoice_number"]
    original = {**item, "invoice_number": number, "billed": True}
    hours = Decimal(amount) / 180
    card = firm.timecard(deal, hours=-hours, amount=-Decimal(amount))
    assert isinstance(card.record, TimeEntry)
    back = replace(card, record=replace(card.record, corrects=item["source_id"]))
    return firm.play(
        firm.tell(back), {"original": Done(ref="T", outcome=Outcome.READ, values=original)}
    )


def test_what_is_held_is_taken_back_and_never_credited(firm: Firm) -> None:
    """Half of it was covered, half is held: nothing of it was billed."""
    deal = retained(firm, retainer_above="hold")
    firm.bill(deal)
    second = firm.bill(deal)
    rest = above(firm, second)
    credit = taken_back(firm, deal, second, "1200.00")
    assert worth(credit) == ("verified", Decimal(0))
    assert "1,200.00 EUR is taken off what is held above the retainer" in _story(credit)
    assert credit.steps.get(name="status").sent["invoice_number"] == retained_work.ABOVE
    assert uncapping.release(now=firm.now) == 1
    assert worth(firm.play(rest)) == ("verified", Decimal(0))
    assert {one.state for one in rest.steps.exclude(name__in=("check", "client"))} == {"skipped"}
    smaller = above(firm, rest)
    assert worth(smaller) == ("dead_lettered", Decimal(2400))
    assert uncapping.release(now=firm.now) == 0
    agreed(firm, deal, "1000.00")
    assert uncapping.release(now=firm.now) == 1
    assert worth(firm.play(smaller)) == ("verified", Decimal(1000))
    last = above(firm, smaller)
    assert worth(last) == ("dead_lettered", Decimal(1400))
    assert not balanced(Span(timezone.now())).breaches


def test_all_of_it_taken_back_leaves_nothing_held_and_the_hours_free(firm: Firm) -> None:
    deal = retained(firm, retainer_above="hold")
    firm.bill(deal)
    second = firm.bill(deal)
    rest = above(firm, second)
    credit = taken_back(firm, deal, second, "7200.00")
    assert worth(credit) == ("verified", Decimal(0))
    assert uncapping.release(now=firm.now) == 1
    assert worth(firm.play(rest)) == ("verified", Decimal(0))
    assert interpretation.interpret_due(limit=100, now=firm.now) == 0
    hours = firm.bill(deal, hours=Decimal(20), amount=Decimal(3600))
    assert worth(hours) == ("verified", Decimal(0))
    assert not balanced(Span(timezone.now())).breaches


def test_what_was_billed_since_it_was_held_is_credited_by_hand(firm: Firm) -> None:
    deal = retained(firm, retainer_above="hold")
    firm.bill(deal)
    second = firm.bill(deal)
    rest = above(firm, second)
    agreed(firm, deal, "3600.00")
    uncapping.release(now=firm.now)
    assert worth(firm.play(rest)) == ("verified", Decimal(3600))
    credit = taken_back(firm, deal, second, "1200.00")
    assert worth(credit) == ("dead_lettered", Decimal(-1200))
    step = credit.steps.get(name="draft")
    assert "1,200.00 EUR was above the retainer when it was covered" in step.text


def test_covered_time_that_was_wrong_is_given_back(firm: Firm) -> None:
    deal = retained(firm)
    fees(firm, deal)
    credit = taken_back(firm, deal, firm.bill(deal), "7200.00")
    assert worth(credit) == ("verified", Decimal(0))
    assert "given back to the retainer" in _story(credit)
    assert {one.name: one.state for one in credit.steps.all()}["draft"] == "skipped"
    assert worth(firm.bill(deal, hours=Decimal(60), amount=Decimal(10800))) == (
        "verified", Decimal(0),
    )  # fmt: skip
    assert worth(firm.bill(deal)) == ("verified", Decimal(7200))


def test_work_that_is_called_off_leaves_its_hours_to_others(firm: Firm) -> None:
    deal = retained(firm, retainer_hours=Decimal(40))
    first = firm.bill(deal, answers={"billing-event": refused()})
    assert worth(firm.bill(deal)) == ("verified", Decimal(7200))
    settling.settle(
        transactions=[first], reason="Never worked.", by=firm.anna, now=firm.now, discard=True
    )
    assert worth(firm.bill(deal)) == ("verified", Decimal(0))


def test_terms_that_are_not_clear_hold_the_fee_and_the_work(firm: Firm) -> None:
    deal = retained(firm, retainer_above="maybe")
    (fee,) = fees(firm, deal)
    assert worth(fee) == ("dead_lettered", Decimal(9000))
    assert "whether work above it is billed or held" in fee.steps.get(name="check").text
    assert worth(firm.bill(deal)) == ("dead_lettered", Decimal(7200))


@pytest.mark.parametrize("term", ["retainer", "retainer_hours", "starts_on", "ends_on"])
def test_a_term_that_cannot_be_read_holds_the_fee_and_the_work(firm: Firm, term: str) -> None:
    deal = retained(firm, unread=(term,))
    assert fees(firm, deal) == []
    bill = firm.bill(deal)
    assert worth(bill) == ("dead_lettered", Decimal(7200))
    assert bill.steps.get(name="check").field == "terms"


def test_a_month_end_that_passes_without_its_invoice_needs_the_controller(firm: Firm) -> None:
    deal = retained(firm)
    retaining.tell(now=firm.now)
    interpretation.interpret_due(limit=100, now=firm.now)
    closing.watch(now=timezone.now() + timedelta(days=75))
    late = Expectation.objects.get(
        milestone="before-cut-off", correlation_id=deal.correlation_id,
        about=Transaction.objects.get(items__record__has_key=FEE).reference,
    )  # fmt: skip
    assert late.watch is not None
    assert late.watch.amount == 9000
    assert Transaction.objects.stuck().filter(pk=late.watch.pk).exists()
