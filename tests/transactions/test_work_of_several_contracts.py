"""One purchase order, several projects: each contract says how much of its own work is billed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.records import TimeEntry
from controltower.measures.checks.finding import Span
from controltower.measures.checks.money import balanced
from controltower.transactions import cases, engine, interpretation, uncapping
from controltower.transactions.models import Expectation, Transaction
from tests.factories import Firm
from tests.transactions.test_capped_contracts import agreed, capped, listening, worth

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(firm: Firm) -> Firm:
    return listening(firm)


def on_one_order(firm: Firm, *deals: Transaction) -> Transaction:
    """Approved time of each deal, 7,200.00 EUR, gathered by their purchase order and billed."""
    client = dict.fromkeys(("customer_id", "customer_name"), deals[0].subject["customer_id"])
    told = []
    for deal in deals:
        card = firm.timecard(deal)
        assert isinstance(card.record, TimeEntry)
        assert card.record.project is not None
        project = replace(card.record.project, billing_grouping="PO", po_number="PO-77", **client)
        told.append(firm.tell(replace(card, record=replace(card.record, project=project))))
    assert len({one.pk for one in told}) == 1
    with cases.case_of(told[0], now=firm.now) as case:
        engine.close_gathering(case)
    return firm.play(told[0])


def of(deal: Transaction) -> Transaction:
    """What bills the 7,200.00 EUR of a deal now."""
    project = deal.steps.get(name="project").ref
    return Transaction.objects.get(
        process="time-and-expense-to-billing",
        items__record__project_id=project,
        items__record__amount="7200.00",
    )


HELD_UP: dict[str, dict[str, Any]] = {
    "terms": {"cap": "0", "unread": ("cap",)},
    "currency": {"cap": "9000", "currency": "USD"},
    "retainer": {"cap": "0", "retainer": Decimal(100)},
    "cap": {"cap": "5"},
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("why", HELD_UP)
def test_work_that_one_contract_holds_up_leaves_the_others(
    firm: Firm, why: str, first: bool
) -> None:
    """The one that has to wait does so under its own name, and the others are on one invoice,
    whichever was gathered first."""
    held = capped(firm, **HELD_UP[why])
    if why == "cap":
        assert worth(firm.bill(held, amount=Decimal(5))) == ("verified", Decimal(5))
    others = [firm.deal(), capped(firm, "100000.00")]
    whole = on_one_order(firm, *([held, *others] if first else [*others, held]))
    waits = firm.play(of(held))
    assert worth(waits) == ("dead_lettered", Decimal(7200))
    assert waits.steps.get(name="check").field == why
    assert waits.title.endswith(held.title)
    assert waits.correlation_id == held.correlation_id
    together = firm.play(of(others[0]))
    assert of(others[1]) == together
    assert worth(together) == ("verified", Decimal(14400))
    assert together.steps.get(name="draft").sent["untaxed"] == "14400.00"
    assert whole in (waits, together)
    left = waits if whole == together else together
    assert left.reference in whole.timeline.get(kind="corrected").text
    assert whole.reference in left.timeline.get(kind="accepted").text
    assert left.due_at == whole.due_at
    assert not balanced(Span(timezone.now())).breaches


def test_each_of_two_contracts_that_have_no_room_waits_by_itself(firm: Firm) -> None:
    one, other = (capped(firm, "0", unread=("cap",)) for _ in range(2))
    on_one_order(firm, one, other)
    waiting = {firm.play(of(deal)) for deal in (one, other)}
    assert [worth(bill) for bill in waiting] == [("dead_lettered", Decimal(7200))] * 2


def test_what_is_above_each_cap_waits_under_its_own_name(firm: Firm) -> None:
    """A change order of the one lets nothing of the other be billed."""
    deals = capped(firm, "5000.00"), capped(firm, "4000.00")
    bill = on_one_order(firm, *deals)
    assert worth(bill) == ("verified", Decimal(9000))
    interpretation.interpret_due(limit=100, now=firm.now)
    rests = Transaction.objects.filter(items__record__left_out_of=bill.reference)
    found = {one.correlation_id: firm.play(one) for one in rests}
    one, other = (found[deal.correlation_id] for deal in deals)
    assert worth(one) == ("dead_lettered", Decimal(2200))
    assert worth(other) == ("dead_lettered", Decimal(3200))
    agreed(firm, deals[1], "9000.00")
    assert uncapping.release(now=firm.now) == 1
    assert worth(firm.play(other)) == ("verified", Decimal(3200))
    assert worth(firm.play(one)) == ("dead_lettered", Decimal(2200))
    assert not balanced(Span(timezone.now())).breaches


def test_each_projects_chain_knows_its_work_and_the_invoice_that_bills_it(firm: Firm) -> None:
    """Work that joins another deal's invoice is work of its own deal all the same."""
    deals = firm.deal(), firm.deal()
    bill = on_one_order(firm, *deals)
    for deal in deals:
        approved = Expectation.objects.get(
            correlation_id=deal.correlation_id, milestone="time-approved"
        )
        assert approved.met_at
    assert bill.keys.filter(kind="correlation", value=deals[1].correlation_id).exists()
