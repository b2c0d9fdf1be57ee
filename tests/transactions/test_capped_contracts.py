"""Capped contracts: what the books count against a cap, and what becomes of work above it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical import events
from controltower.canonical.records import ChangeOrder, Contract, TimeEntry
from controltower.canonical.verdicts import Done, Outcome, Verdict
from controltower.canonical.wire import from_json
from controltower.incidents import settling
from controltower.measures.checks.finding import Span
from controltower.measures.checks.money import balanced
from controltower.systems.models import System
from controltower.transactions import cancelling, cases, engine, forecast, interpretation, uncapping
from controltower.transactions.models import Expectation, InboundEvent, Transaction
from tests.factories import Firm, refused

pytestmark = pytest.mark.django_db


def capped(firm: Firm, cap: str, **values: Any) -> Transaction:
    """A deal whose contract is signed with a cap."""
    deal = firm.deal()
    deal_id = str(deal.subject["source_id"])
    said: dict[str, Any] = {"currency": "EUR", "number": "C-1", "cap": Decimal(cap)} | values
    contract = Contract(source_id=f"env-{deal_id}", opportunity_id=deal_id, **said)
    event = firm.event(events.CONTRACT_SIGNED, "clm/contract", contract.source_id, contract, 1)
    firm.receive(event)
    return deal


@pytest.fixture
def firm(firm: Firm) -> Firm:
    return listening(firm)


def listening(firm: Firm) -> Firm:
    """A firm that is told of contracts."""
    System.objects.create(
        slug="clm", title="CLM", domain="Contracts", role="clm", connector="salesforce",
        connection="clm", base_url="http://127.0.0.1:9",
    )  # fmt: skip
    return firm


def above(firm: Firm, bill: Transaction) -> Transaction:
    """What stands for the work that an invoice has left out, played as far as it goes."""
    interpretation.interpret_due(limit=100, now=firm.now)
    one = Transaction.objects.get(items__record__left_out_of=bill.reference)
    assert not one.gathering
    return firm.play(one)


def worth(one: Transaction) -> tuple[str, Decimal]:
    one.refresh_from_db()
    return one.state, one.amount


def test_an_invoice_carries_what_is_left_of_the_cap_and_the_rest_waits(firm: Firm) -> None:
    deal = capped(firm, "10000.00")
    assert worth(firm.bill(deal)) == ("verified", Decimal(7200))
    second = firm.bill(deal)
    assert worth(second) == ("verified", Decimal(2800))
    draft = second.steps.get(name="draft").sent
    assert draft["untaxed"] == "2800.00"
    assert [line["amount"] for line in draft["lines"]] == ["7200.00", "-4400.00"]
    rest = above(firm, second)
    assert worth(rest) == ("dead_lettered", Decimal(4400))
    step = rest.steps.get(name="check")
    assert (step.field, step.kind) == ("cap", "validation")
    assert "10,000.00 EUR may be billed, and 10,000.00 EUR are" in step.text
    assert firm.cause(rest).owner_role == "pmo_lead"


def test_a_change_order_makes_room_and_what_fits_is_billed_by_itself(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    rest = above(firm, firm.bill(deal))
    assert worth(rest) == ("dead_lettered", Decimal(2200))
    assert uncapping.release(now=firm.now) == 0
    before = firm.now
    assert agreed(firm, deal, "1500.00").state == "verified"
    after = firm.now + timedelta(days=1)
    assert uncapping.release(now=firm.now, since=after) == 0, "nothing happened since"
    assert uncapping.release(now=firm.now, since=before) == 1
    assert worth(firm.play(rest)) == ("verified", Decimal(1500))
    line = rest.steps.get(name="draft").sent["lines"][0]
    assert line["revenue_kind"] == "time"
    assert worth(above(firm, rest)) == ("dead_lettered", Decimal(700))


def agreed(
    firm: Firm, deal: Transaction, amount: str, answer: Verdict | None = None
) -> Transaction:
    """A change order of the deal's project, carried through unless the PSA answers otherwise."""
    work = firm.timecard(deal).record
    assert isinstance(work, TimeEntry)
    assert work.project is not None
    project = work.project
    order = ChangeOrder(
        source_id=f"co-{deal.reference}", number="CO-1", project=project, approved=True,
        project_id=project.source_id, currency="EUR", amount=Decimal(amount),
        approved_on=firm.today,
    )  # fmt: skip
    told = firm.tell(firm.event(events.CHANGE_ORDER_APPROVED, "certinia", "co", order, 1))
    budget = {"change_orders": ["CO-1"], "contract_value": amount, "agreed_value": amount}
    done = Done(ref=project.source_id, outcome=Outcome.UPDATED, values=budget)
    return firm.play(told, {"contract": answer or done})


def test_what_is_written_off_above_the_cap_is_cost_once(firm: Firm) -> None:
    rest = above(firm, firm.bill(capped(firm, "7000.00")))
    settling.settle(
        transactions=[rest], reason="Goodwill of ours.", by=firm.anna, now=firm.now, discard=True
    )
    interpretation.interpret_due(limit=100, now=firm.now)
    cost = Transaction.objects.get(process="time-to-cost-reporting")
    assert worth(cost) == ("verified", Decimal(200))
    assert cost.correlation_id == rest.correlation_id
    assert interpretation.interpret_due(limit=100, now=firm.now) == 0


def test_work_wholly_above_the_cap_waits_with_all_of_it(firm: Firm) -> None:
    deal = capped(firm, "7200.00")
    firm.bill(deal)
    assert worth(firm.bill(deal)) == ("dead_lettered", Decimal(7200))


def test_an_invoice_on_its_way_counts_and_one_called_off_does_not(firm: Firm) -> None:
    deal = capped(firm, "10000.00")
    first = firm.bill(deal, answers={"draft": refused()})
    assert first.state == "dead_lettered"
    second = firm.bill(deal, amount=Decimal(4000))
    assert worth(second) == ("verified", Decimal(2800))
    settling.settle(
        transactions=[first], reason="Never worked.", by=firm.anna, now=firm.now, discard=True
    )
    assert worth(firm.bill(deal, amount=Decimal(4000))) == ("verified", Decimal(4000))


def test_a_cap_in_another_currency_is_refused(firm: Firm) -> None:
    bill = firm.bill(capped(firm, "10000.00", currency="USD"))
    assert "has its cap in USD" in bill.steps.get(name="check").text


@pytest.mark.parametrize("envelope", ["the same", "another"])
def test_what_cannot_be_read_is_billed_once_it_can(firm: Firm, envelope: str) -> None:
    deal = capped(firm, "0", unread=("value", "cap"))
    bill = firm.bill(deal)
    assert worth(bill) == ("dead_lettered", Decimal(7200))
    step = bill.steps.get(name="check")
    assert (step.field, step.kind) == ("terms", "validation")
    assert "The signed contract “C-1” says something about its cap" in step.text
    assert "7,200.00 EUR are waiting" in step.text
    assert uncapping.release(now=firm.now) == 0
    waits = Expectation.objects.get(
        correlation_id=deal.correlation_id, milestone="terms-readable", met_at=None
    )
    assert waits.owner_role == "pmo_lead"
    known = InboundEvent.objects.get(type=events.CONTRACT_SIGNED)
    record = from_json(Contract, {**known.record, "unread": [], "cap": "5000.00"})
    if envelope == "another":
        record = replace(record, source_id="env-anew")
    firm.receive(firm.event(events.CONTRACT_SIGNED, "clm/contract", record.source_id, record, 2))
    waits.refresh_from_db()
    assert waits.met_at
    assert uncapping.release(now=firm.now, since=waits.met_at) == 1
    assert worth(firm.play(bill)) == ("verified", Decimal(5000))


def test_a_contract_that_cannot_be_read_takes_no_other_contracts_place(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    record = Contract(
        source_id="env-later", opportunity_id=str(deal.subject["source_id"]), unread=("cap",)
    )
    firm.receive(firm.event(events.CONTRACT_SIGNED, "clm/contract", record.source_id, record, 2))
    assert worth(firm.bill(deal)) == ("verified", Decimal(5000))


def test_what_does_not_decide_over_billing_may_be_unread(firm: Firm) -> None:
    deal = capped(firm, "5000.00", unread=("value", "starts_on"))
    assert worth(firm.bill(deal)) == ("verified", Decimal(5000))
    assert not Expectation.objects.filter(milestone="terms-readable").exists()


def test_a_contract_without_a_cap_bills_all(firm: Firm) -> None:
    assert worth(firm.bill(capped(firm, "0"))) == ("verified", Decimal(7200))


def test_what_an_invoice_had_left_out_is_cost_when_that_is_written_off(firm: Firm) -> None:
    """It is not billed in the room that the invoice leaves."""
    bill = firm.bill(capped(firm, "5000.00"), answers={"draft": refused()})
    assert worth(bill) == ("dead_lettered", Decimal(7200))
    settling.settle(
        transactions=[bill], reason="Goodwill of ours.", by=firm.anna, now=firm.now, discard=True
    )
    interpretation.interpret_due(limit=100, now=firm.now)
    cost = Transaction.objects.get(process="time-to-cost-reporting")
    assert worth(cost) == ("verified", Decimal(2200))
    assert not Transaction.objects.live().exists()
    assert "2,200.00 EUR of work above what may be billed is written off" in story(bill)
    assert not balanced(Span(timezone.now())).breaches


def test_what_an_invoice_had_left_out_is_called_off_with_it_in_words(firm: Firm) -> None:
    bill = firm.bill(capped(firm, "5000.00"), answers={"billing-event": refused()})
    cancelling.cancel(transaction=bill, reason="Never ordered.", by=firm.anna, now=firm.now)
    assert worth(bill) == ("cancelled", Decimal(7200))
    assert "2,200.00 EUR of work above what may be billed is called off" in story(bill)
    assert interpretation.interpret_due(limit=100, now=firm.now) == 0
    assert not balanced(Span(timezone.now())).breaches


def test_what_was_settled_elsewhere_lets_go_of_what_it_had_left_out(firm: Firm) -> None:
    bill = firm.bill(capped(firm, "5000.00"), answers={"draft": refused()})
    settling.settle(
        transactions=[bill], reason="Invoiced by hand.", by=firm.anna, now=firm.now, discard=False
    )
    assert worth(bill) == ("resolved_externally", Decimal(5000))
    assert worth(above(firm, bill)) == ("dead_lettered", Decimal(2200))
    assert not balanced(Span(timezone.now())).breaches


def story(one: Transaction) -> str:
    return " ".join(one.timeline.values_list("text", flat=True))


def test_a_plan_says_that_there_is_still_no_room(firm: Firm) -> None:
    rest = above(firm, firm.bill(capped(firm, "5000.00")))
    (item,) = firm.plan(rest, by=firm.otto).items.select_related("step", "transaction")
    forecast.fill([item], mapping_choice="now", now=firm.now)
    assert item.forecast == "would_fail"
    assert "is above the cap" in item.why


def test_what_is_corrected_before_it_is_sent_is_worth_all_of_it_again(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    card = firm.timecard(deal)
    assert isinstance(card.record, TimeEntry)
    bill = firm.tell(card)
    with cases.case_of(bill, now=firm.now) as case:
        engine.close_gathering(case)
    assert worth(bill) == ("in_progress", Decimal(7200))
    assert bill.steps.get(name="check").values["billed"] == {
        bill.items.get().record["project_id"]: "5000.00"
    }
    signed = InboundEvent.objects.filter(type=events.CONTRACT_SIGNED)
    signed.update(record={**signed.get().record, "unread": ["cap"]})
    firm.tell(
        replace(card, id="again", version="9", record=replace(card.record, amount=Decimal(7300)))
    )
    assert worth(bill) == ("dead_lettered", Decimal(7300))
    assert not balanced(Span(timezone.now())).breaches
