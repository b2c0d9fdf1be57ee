"""Approvals taken back: the cap follows what is approved now, and what is billed needs a word."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical import events
from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.records import ChangeOrder, Milestone, TimeEntry
from controltower.canonical.verdicts import Done, Outcome
from controltower.incidents import triage
from controltower.transactions import cases, engine, interpretation, uncapping
from controltower.transactions.models import Step, Transaction
from tests.factories import Firm
from tests.transactions.test_capped_contracts import capped, listening, worth

pytestmark = pytest.mark.django_db
CHANGE, CREDIT = "project-change-to-forecast", "credit-and-rebill"


@pytest.fixture
def firm(firm: Firm) -> Firm:
    return listening(firm)


def order_of(firm: Firm, deal: Transaction, amount: str, number: str = "CO-1") -> CanonicalEvent:
    """A change order of the deal's project."""
    work = firm.timecard(deal).record
    assert isinstance(work, TimeEntry)
    project = work.project
    assert project is not None
    order = ChangeOrder(
        source_id=f"{number}-{deal.reference}", number=number, project=project, approved=True,
        project_id=project.source_id, currency="EUR", amount=Decimal(amount),
        approved_on=firm.today,
    )  # fmt: skip
    told = firm.event(events.CHANGE_ORDER_APPROVED, "certinia/change_order", number, order, 1)
    return replace(told, keys=(BusinessKey("change order", number),))


def later(event: CanonicalEvent, number: int, **values: Any) -> CanonicalEvent:
    """The same record as its source shows it later."""
    record = replace(event.record, **values)
    return replace(event, id=f"{event.id}:{number}", version=f"9{number:011d}", record=record)


def carried(firm: Firm, *told: CanonicalEvent) -> list[Transaction]:
    """The changes that were told, each carried through: the PSA has what it was asked for."""
    for event in told:
        firm.receive(event)
        for one in Transaction.objects.live().filter(process=CHANGE):
            listed = [one.subject["number"]] if one.subject["approved"] else []
            budget = {"change_orders": listed, "contract_value": "1", "agreed_value": "1"}
            done = Done(ref="p", outcome=Outcome.UPDATED, values=budget)
            firm.play(one, {"contract": done})
    return list(Transaction.objects.filter(process=CHANGE).order_by("started_at", "id"))


def stuck(one: Transaction) -> tuple[str, str, Decimal, str]:
    one.refresh_from_db()
    step = one.steps.get(state="parked")
    return step.name, step.field, one.amount, one.exposure


def test_a_cap_follows_the_orders_that_are_approved_now(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    order = order_of(firm, deal, "3000.00")
    carried(firm, order, later(order, 2, approved=False))
    assert worth(firm.bill(deal)) == ("verified", Decimal(5000))


@pytest.mark.parametrize(
    ("changed", "above"), [({"approved": False}, "2200.00"), ({"amount": Decimal(900)}, "1300.00")]
)
def test_what_was_billed_above_what_is_agreed_now_needs_somebody(
    firm: Firm, changed: dict[str, Any], above: str
) -> None:
    deal = capped(firm, "5000.00")
    order = order_of(firm, deal, "3000.00")
    carried(firm, order)
    assert worth(firm.bill(deal)) == ("verified", Decimal(7200))
    told = later(order, 2, **changed)
    first, second = carried(firm, told, told)
    assert worth(first) == ("verified", Decimal(3000))
    assert stuck(second) == ("room", "billed_above", Decimal(above), "credit due")
    assert firm.cause(second).owner_role == "controller"
    parts = second.steps.filter(entity="revenue_part")
    assert {step.verb for step in parts} == {"update"}
    assert sum(Decimal(step.sent["amount"]) for step in parts) == changed.get("amount", 0)
    before = first.steps.filter(entity="revenue_part").values_list("sent__period", "ref")
    assert second.steps.get(name="check").values["forecast"] == dict(before)
    assert uncapping.release(now=firm.now) == 0
    carried(firm, order_of(firm, deal, "2200.00", "CO-2"))
    assert uncapping.release(now=firm.now) == 1
    assert worth(second)[0] == "verified"


def test_an_order_that_is_approved_again_carries_on_what_was_taken_back(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    order = order_of(firm, deal, "3000.00")
    carried(firm, order)
    firm.bill(deal)
    carried(firm, later(order, 2, approved=False))
    _first, second, third = carried(firm, later(order, 3, amount=Decimal(2500)))
    assert worth(second)[0] == "superseded"
    assert worth(third) == ("verified", Decimal(-500)), "told as what it adds to what was told"
    assert not Step.objects.filter(state="parked").exists()


def test_an_order_whose_withdrawal_comes_first_raises_nothing(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    order = order_of(firm, deal, "3000.00")
    assert carried(firm, later(order, 2, approved=False), order) == []
    assert worth(firm.bill(deal)) == ("verified", Decimal(5000))


def test_an_order_called_off_before_anything_was_sent_is_over(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    order = order_of(firm, deal, "3000.00")
    firm.receive(order)
    firm.receive(later(order, 2, approved=False))
    (one,) = Transaction.objects.filter(process=CHANGE)
    assert one.state == "superseded"


def test_a_later_stamp_alone_is_no_change(firm: Firm) -> None:
    deal = capped(firm, "5000.00")
    order = order_of(firm, deal, "3000.00")
    assert isinstance(order.record, ChangeOrder)
    assert order.record.project
    completed = replace(order.record.project, stage="Completed")
    assert len(carried(firm, order, later(order, 2, project=completed))) == 1


def billed(firm: Firm, deal: Transaction, kind: str) -> tuple[CanonicalEvent, Transaction]:
    """Approved work whose invoice is posted."""
    event = firm.timecard(deal)
    if kind == "milestone":
        work = event.record
        assert isinstance(work, TimeEntry)
        shared = ("source_id", "number", "project", "project_id", "currency", "amount", "on")
        fields: dict[str, Any] = {name: getattr(work, name) for name in shared}
        record = Milestone(name="Handover", **fields)
        event = replace(event, type=events.MILESTONE_APPROVED, record=record)
    bill = firm.tell(event)
    with cases.case_of(bill, now=firm.now) as case:
        engine.close_gathering(case)
    firm.play(bill)
    assert worth(bill) == ("verified", Decimal(7200))
    return event, bill


@pytest.mark.parametrize("kind", ["timecard", "milestone"])
@pytest.mark.parametrize("told_billed", [True, False])
def test_an_approval_taken_back_after_billing_waits_for_a_word(
    firm: Firm, kind: str, told_billed: bool
) -> None:
    event, bill = billed(firm, firm.deal(), kind)
    back = later(event, 9, approved=False, billed=told_billed)
    firm.receive(back, later(event, 10, approved=False, billed=told_billed))
    one = Transaction.objects.get(process=CREDIT)
    firm.play(one)
    assert stuck(one) == ("check", "approval", Decimal(-7200), "credit due")
    number = bill.steps.get(name="post").values["number"]
    credited(firm, one, event, number)
    assert worth(one) == ("verified", Decimal(-7200)), one.wait_text
    assert one.steps.get(name="original").entity == kind
    draft = one.steps.get(name="draft").sent
    assert (draft["credits"], draft["untaxed"]) == (number, "-7200.00")
    assert [line["amount"] for line in draft["lines"]] == ["-7200.00"]


def credited(firm: Firm, one: Transaction, event: CanonicalEvent, number: str) -> Transaction:
    """The controller has it credited, and the PSA shows on which invoice it was."""
    triage.decide(
        transaction=one, decision="credit", by=firm.anna, reason="Never done.", now=firm.now
    )
    original = {**event.record.as_dict(), "invoice_number": number}
    answers = {
        "original": Done(ref="t", outcome=Outcome.READ, values=original),
        "post": Done(ref="n", outcome=Outcome.UPDATED, values={"state": "posted"}),
    }
    return firm.play(one, answers)


def test_an_approval_that_is_given_again_needs_no_word(firm: Firm) -> None:
    event, _bill = billed(firm, firm.deal(), "timecard")
    firm.receive(later(event, 9, approved=False, billed=True))
    firm.receive(later(event, 10, approved=True, billed=True))
    assert Transaction.objects.get(process=CREDIT).state == "superseded"


def test_what_was_billed_before_the_tower_came_is_not_credited(firm: Firm) -> None:
    event = firm.timecard(firm.deal(), approved=False, billed=True)
    firm.receive(event)
    assert not Transaction.objects.filter(process=CREDIT).exists()


def test_a_credit_makes_room_below_the_cap_again(firm: Firm) -> None:
    deal = capped(firm, "7200.00")
    event, bill = billed(firm, deal, "timecard")
    rest = firm.bill(deal, amount=Decimal(1000))
    assert worth(rest)[0] == "dead_lettered"
    firm.receive(later(event, 9, approved=False, billed=True))
    one = Transaction.objects.get(process=CREDIT)
    credited(firm, one, event, bill.steps.get(name="post").values["number"])
    interpretation.interpret_due(limit=100, now=firm.now)
    assert uncapping.release(now=firm.now) == 1
    assert worth(firm.play(rest)) == ("verified", Decimal(1000))


def test_what_was_billed_is_credited_whatever_the_work_shows_by_now(firm: Firm) -> None:
    """Whoever takes an approval back often empties the timecard with it."""
    event, bill = billed(firm, firm.deal(), "timecard")
    emptied = {"hours": Decimal(0), "amount": Decimal(0)}
    firm.receive(later(event, 9, approved=False, billed=True, **emptied))
    one = firm.play(Transaction.objects.get(process=CREDIT))
    assert stuck(one) == ("check", "approval", Decimal(-7200), "credit due")
    credited(firm, one, event, bill.steps.get(name="post").values["number"])
    assert one.steps.get(name="draft").sent["untaxed"] == "-7200.00"
