"""Several projects under one contract: its cap and its retainer are there once for all of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import TimeEntry
from controltower.measures.checks.finding import Span
from controltower.measures.checks.money import balanced
from controltower.transactions import cases, engine, interpretation, uncapping
from controltower.transactions.models import Transaction
from tests.factories import Firm
from tests.transactions.test_capped_contracts import agreed, capped, listening, worth
from tests.transactions.test_retainers import retained

pytestmark = pytest.mark.django_db
SECOND = "a0PSECOND"


@pytest.fixture
def firm(firm: Firm) -> Firm:
    return listening(firm)


def card(firm: Firm, deal: Transaction, project: str = "", order: str = "") -> CanonicalEvent:
    """Approved time, 7,200.00 EUR, on the deal's project or on another one under its contract."""
    told = firm.timecard(deal)
    assert isinstance(told.record, TimeEntry)
    assert told.record.project is not None
    said: dict[str, Any] = {"source_id": project, "name": f"{deal.title}, part two"}
    whose = replace(told.record.project, **said if project else {})
    if order:
        whose = replace(whose, billing_grouping="PO", po_number=order)
    record = replace(told.record, project=whose, project_id=whose.source_id)
    return replace(told, record=record)


def billed(firm: Firm, *told: CanonicalEvent) -> Transaction:
    """The invoice that gathers some work, played as far as it goes."""
    bill, *_same = [firm.tell(one) for one in told]
    with cases.case_of(bill, now=firm.now) as case:
        engine.close_gathering(case)
    return firm.play(bill)


def test_what_one_project_has_taken_of_the_cap_is_not_there_for_the_other(firm: Firm) -> None:
    deal = capped(firm, "10000.00")
    assert worth(billed(firm, card(firm, deal))) == ("verified", Decimal(7200))
    assert worth(billed(firm, card(firm, deal, SECOND))) == ("verified", Decimal(2800))
    interpretation.interpret_due(limit=100, now=firm.now)
    assert uncapping.release(now=firm.now) == 0
    waits = Transaction.objects.get(items__record__has_key="left_out_of")
    assert worth(firm.play(waits)) == ("dead_lettered", Decimal(4400))
    text = waits.steps.get(name="check").text
    assert "10,000.00 EUR are billed, all its projects together; 4,400.00 EUR on “" in text
    assert "By contract “" in text
    assert "By contract “”" not in text
    agreed(firm, deal, "4000.00")
    assert uncapping.release(now=firm.now) == 1
    assert worth(firm.play(waits)) == ("verified", Decimal(4000))
    assert not balanced(Span(timezone.now())).breaches


@pytest.mark.parametrize(
    ("cap", "on_the_invoice", "waits"),
    [("10000.00", 10000, 4400), ("7200.00", 7200, 7200), ("5000.00", 5000, 7200)],
)
def test_two_projects_on_one_order_share_the_cap(
    firm: Firm, cap: str, on_the_invoice: int, waits: int
) -> None:
    """What fits is billed, whichever project it is of, and all of the rest waits."""
    deal = capped(firm, cap)
    bill = billed(firm, card(firm, deal, order="PO-1"), card(firm, deal, SECOND, "PO-1"))
    assert worth(firm.play(bill)) == ("verified", Decimal(on_the_invoice))
    interpretation.interpret_due(limit=100, now=firm.now)
    waiting = {worth(firm.play(one)) for one in Transaction.objects.stuck()}
    assert ("dead_lettered", Decimal(waits)) in waiting
    assert sum(amount for _state, amount in waiting) == 14400 - on_the_invoice
    assert not balanced(Span(timezone.now())).breaches


def test_another_contracts_work_on_the_same_order_takes_nothing_of_it(firm: Firm) -> None:
    deal, other = capped(firm, "8000.00"), capped(firm, "8000.00")
    client = {name: deal.subject[name] for name in ("customer_id", "customer_name")}
    told = [card(firm, deal, order="PO-2"), card(firm, other, order="PO-2")]
    for place, one in enumerate(told):
        assert isinstance(one.record, TimeEntry)
        assert one.record.project is not None
        project = replace(one.record.project, **client)
        told[place] = replace(one, record=replace(one.record, project=project))
    assert worth(billed(firm, *told)) == ("verified", Decimal(14400))
    assert worth(billed(firm, card(firm, other, SECOND))) == ("verified", Decimal(800))


@pytest.mark.parametrize("order", ["", "PO-3"])
def test_two_projects_share_what_a_retainer_covers(firm: Firm, order: str) -> None:
    """Of 60 hours the first week's 40 are covered, and 20 of the other project's."""
    deal = retained(firm)
    one, other = card(firm, deal, order=order), card(firm, deal, SECOND, order)
    if order:
        assert worth(billed(firm, one, other)) == ("verified", Decimal(3600))
    else:
        assert worth(billed(firm, one)) == ("verified", Decimal(0))
        assert worth(billed(firm, other)) == ("verified", Decimal(3600))
    assert worth(billed(firm, card(firm, deal))) == ("verified", Decimal(7200))
    assert not balanced(Span(timezone.now())).breaches
