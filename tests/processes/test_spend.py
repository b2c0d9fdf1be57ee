"""What is bought for a project: what counts as its cost, and what no cost may rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.events import PURCHASE_APPROVED, CanonicalEvent
from controltower.canonical.records import Purchase
from controltower.canonical.verdicts import Kind
from controltower.canonical.wire import to_json
from controltower.processes import agreement, catalogue
from controltower.processes import spend_to_project_cost as spend
from controltower.processes.definition import Entity, Facts, Hold, Learn, Refuse, Result, Send

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10))
BOUGHT = Purchase(
    source_id="invoice-7",
    name="S-1001/7",
    entity="LF-DE",
    number="S-1001/7",
    kind="invoice",
    supplier_name="Nordlicht Reisen GmbH",
    supplier_number="S-1001",
    supplier_country="DE",
    project_id="a0P",
    status="approved",
    account_code="6020",
    tax_code="V19",
    currency="EUR",
    amount=Decimal("480.00"),
    tax=Decimal("91.20"),
    on=date(2026, 11, 16),
)
PROJECT = {"name": "Rail review", "entity": "LF-DE", "currency": "EUR", "stage": "Planned"}


def event(bought: Purchase) -> CanonicalEvent:
    return CanonicalEvent(
        id="e", type=PURCHASE_APPROVED, source="coupa/purchase", subject="purchase:7",
        time=NOW, version="1", record=bought,
    )  # fmt: skip


def facts(
    bought: Purchase = BOUGHT,
    company: Entity = BERLIN,
    decisions: dict[str, Any] | None = None,
    **project: Any,
) -> Facts:
    return Facts(
        correlation_id="ct-1",
        reference="CT-1",
        subject=to_json(bought),
        items=(to_json(bought),),
        results={"project": Result("a0P", PROJECT | project)},
        entities={company.code: company},
        decisions=decisions or {},
        now=NOW,
    )


def test_what_costs_and_names_a_project_starts_it() -> None:
    assert catalogue.started_by(event(BOUGHT)) is spend.PROCESS
    assert catalogue.started_by(event(replace(BOUGHT, kind="report"))) is spend.PROCESS


@pytest.mark.parametrize("other", [{"kind": "order"}, {"project_id": ""}], ids=str)
def test_an_order_and_what_is_for_no_project_start_nothing(other: dict[str, Any]) -> None:
    """An order's invoice will be the cost: booking both would book it twice."""
    assert catalogue.started_by(event(replace(BOUGHT, **other))) is None


@pytest.mark.parametrize(
    ("bought", "project", "words"),
    [
        ({}, {"stage": "Cancelled"}, "is cancelled: nothing is charged to it"),
        ({}, {"entity": "LF-UK"}, "belongs to LF-UK"),
        ({}, {"currency": "GBP"}, "its project is kept in GBP"),
        ({"entity": "LF-XX"}, {}, "“LF-XX”, which the firm does not have"),
        ({"currency": "ZZZ"}, {}, "no currency the firm trades in"),
        ({"amount": Decimal("-1.00")}, {}, "only positive costs can be booked"),
        ({"supplier_number": ""}, {}, "nobody knows who is to be paid"),
        ({"on": None}, {}, "carries no date"),
        ({"account_code": "6010, 6020"}, {}, "several accounts: 6010, 6020"),
    ],
)
def test_what_no_cost_may_rest_on_is_refused_in_words(
    bought: dict[str, Any], project: dict[str, Any], words: str
) -> None:
    refused = spend.check_purchase(facts(replace(BOUGHT, **bought), **project))
    assert isinstance(refused, Refuse), refused
    assert words in refused.text


def test_several_projects_are_refused_before_any_is_asked_for() -> None:
    refused = spend.read_project(facts(replace(BOUGHT, project_id="a0P, a0Q")))
    assert isinstance(refused, Refuse)
    assert refused.kind is Kind.VALIDATION
    assert "several projects: a0P, a0Q" in refused.text


def test_a_closed_period_waits_for_its_owner() -> None:
    closed = replace(BERLIN, closed_periods=frozenset({"2026-10"}))
    october = replace(BOUGHT, on=date(2026, 10, 30))
    held = spend.check_purchase(facts(october, closed))
    assert isinstance(held, Hold)
    assert held.kind == "period_closed"
    decided = facts(october, closed, {"period": spend.BOOK_IN_NEXT_PERIOD})
    learned = spend.check_purchase(decided)
    assert isinstance(learned, Learn)
    assert learned.values["period"] == "2026-11"
    drafted = spend.draft_bill(decided)
    assert isinstance(drafted, Send)
    assert drafted.record["invoice_date"] == "2026-11-01"


def test_the_next_period_is_waited_for() -> None:
    closed = replace(BERLIN, closed_periods=frozenset({"2026-11"}))
    held = spend.check_purchase(
        facts(company=closed, decisions={"period": spend.BOOK_IN_NEXT_PERIOD})
    )
    assert isinstance(held, Hold)
    assert held.until == datetime(2026, 11, 30, 23, tzinfo=UTC)


def test_an_employee_is_a_supplier_of_another_series() -> None:
    report = replace(BOUGHT, kind="report", supplier_number="LF-0001", supplier_country="")
    created = spend.create_supplier(facts(report))
    assert isinstance(created, Send)
    assert (created.record["code"], created.record["country"]) == ("E-LF-0001", "DE")


def test_a_tax_that_is_a_cent_off_is_no_agreement() -> None:
    sent = {"untaxed": "480.00", "tax": "91.21"}
    found = {"untaxed": "480.00", "tax": "91.20"}
    assert "91.21 tax, the ERP makes it 480.00 and 91.20 tax" in agreement.bill_differs(sent, found)
    assert agreement.bill_differs(sent, found | {"tax": "91.21"}) == ""
