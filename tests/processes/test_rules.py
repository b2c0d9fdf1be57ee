"""The firm's rules, as pure functions."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.processes import checked_deal, checked_work, fixed_fee, invoice_lines, tax
from controltower.processes import opportunity_to_project as deals
from controltower.processes import time_and_expense_to_billing as billing
from controltower.processes import time_to_cost_reporting as cost
from controltower.processes.catalogue import PROCESSES
from controltower.processes.definition import (
    Entity,
    Facts,
    Hold,
    Learn,
    Process,
    Refuse,
    Result,
    Send,
)

NOW = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10))
LONDON = Entity("LF-UK", "Larkfield Ltd", "GB", "GBP", "Europe/London", timedelta(seconds=10))
DEAL: dict[str, Any] = {
    "source_id": "006",
    "name": "Rail review",
    "entity": "LF-DE",
    "customer_id": "001",
    "amount": "100000.01",
    "currency": "EUR",
    "close_date": "2026-11-20",
    "billing_method": "Fixed fee",
}
WORK: dict[str, Any] = {
    "source_id": "a0T",
    "number": "TC-1",
    "currency": "EUR",
    "amount": "1076.63",
    "hours": "7.25",
    "rate": "148.50",
    "on": "2026-11-22",
    "resource_name": "Ada Quill",
    "role": "Analyst",
    "week_start": "2026-11-16",
    "project": {
        "source_id": "a0P",
        "name": "Rail review",
        "entity": "LF-DE",
        "customer_id": "001",
        "currency": "EUR",
        "correlation_id": "ct-1",
    },
}


def facts(subject: dict[str, Any], *items: dict[str, Any], **results: Result) -> Facts:
    return Facts(
        correlation_id="ct-1",
        reference="CT-1",
        subject=subject,
        items=items,
        results=results,
        entities={"LF-DE": BERLIN, "LF-UK": LONDON},
        decisions={},
        now=NOW,
        books={"currencies": {"EUR", "GBP"}},
    )


def test_the_accounting_day_is_the_entitys_own() -> None:
    assert BERLIN.today(NOW).isoformat() == "2026-12-01"
    assert LONDON.today(NOW).isoformat() == "2026-11-30"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("entity", "", "names no legal entity"),
        ("entity", "LF-XX", "does not have"),
        ("currency", "ZZZ", "no currency"),
        ("amount", "0", "no positive amount"),
        ("amount", "1e1000000", "not a number"),
        ("customer_id", "", "names no client"),
    ],
)
def test_a_faulty_deal_is_refused_in_words(field: str, value: str, said: str) -> None:
    prepared = checked_deal.check(facts({**DEAL, field: value}))
    assert isinstance(prepared, Refuse)
    assert said in prepared.text
    assert prepared.field == field


@given(
    st.decimals(min_value=1, max_value=10**9, places=2),
    st.lists(st.integers(1, 10**4), min_size=1, max_size=12),
)
def test_milestones_add_up_to_the_fee(amount: Decimal, shares: list[int]) -> None:
    known = facts({**DEAL, "amount": str(amount)}, project=Result("a0P"))
    planned = [{"name": f"Part {n}", "share": str(n), "days": n} for n in shares]
    parts = []
    for number in range(len(planned)):
        prepared = fixed_fee.create_milestone(planned, number)(known)
        assert isinstance(prepared, Send)
        parts.append(Decimal(prepared.record["amount"]))
    assert sum(parts) == amount


@pytest.mark.parametrize(
    ("seller", "country", "vat", "expected"),
    [
        (BERLIN, "DE", "", tax.DOMESTIC),
        (BERLIN, "FR", "FR1", tax.REVERSE_CHARGE),
        (BERLIN, "CH", "", tax.EXPORT),
        (LONDON, "GB", "", tax.DOMESTIC),
        (LONDON, "IE", "IE1", tax.EXPORT),
    ],
)
def test_the_place_of_supply_decides_the_tax(
    seller: Entity, country: str, vat: str, expected: str
) -> None:
    assert tax.treatment(seller, country, vat) == expected


def test_reverse_charge_needs_a_vat_number() -> None:
    refusal = tax.treatment(BERLIN, "FR", "")
    assert isinstance(refusal, Refuse)
    assert refusal.field == "vat_number"


def test_sound_work_passes() -> None:
    assert isinstance(checked_work.check(facts(DEAL, WORK)), Learn)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hours": "0"}, "only positive work"),
        ({"hours": "-8"}, "only positive work"),
        ({"amount": "-1"}, "only positive work"),
        ({"on": None}, "carries no date"),
        ({"currency": "USD"}, "its contract is in EUR"),
        ({"currency": "ZZZ"}, "no currency"),
        ({"project": None}, "does not have"),
        ({"project": {**WORK["project"], "correlation_id": ""}}, "no contract to bill"),
    ],
)
def test_faulty_work_is_refused_in_words(change: dict[str, Any], said: str) -> None:
    prepared = checked_work.check(facts(DEAL, {**WORK, **change}))
    assert isinstance(prepared, Refuse)
    assert said in prepared.text


def test_a_cost_without_a_date_has_no_period() -> None:
    prepared = cost.record_cost(facts(DEAL, {**WORK, "on": None}))
    assert isinstance(prepared, Refuse)
    assert prepared.field == "on"
    dated = cost.record_cost(facts(DEAL, WORK))
    assert isinstance(dated, Learn)
    assert dated.values["period"] == "2026-11"


def test_work_of_a_closed_month_is_held() -> None:
    shut = replace(BERLIN, closed_periods=frozenset({"2026-11"}))
    known = replace(facts(DEAL, WORK), entities={"LF-DE": shut})
    assert isinstance(checked_work.check(known), Hold)
    decided = replace(known, decisions={"period": checked_work.BILL_IN_NEXT_PERIOD})
    assert isinstance(checked_work.check(decided), Learn)


def test_a_period_that_is_closed_now_is_waited_out() -> None:
    shut = replace(BERLIN, closed_periods=frozenset({"2026-11", "2026-12"}))
    known = replace(
        facts(DEAL, WORK),
        entities={"LF-DE": shut},
        decisions={"period": checked_work.BILL_IN_NEXT_PERIOD},
    )
    prepared = billing.release_billing_event(known)
    assert isinstance(prepared, Hold)
    assert prepared.until is not None
    assert prepared.until.isoformat() == "2027-01-01T00:00:00+01:00"


def test_an_invoice_carries_each_fact_as_a_line_to_the_cent() -> None:
    client = Result("001", {"erp_code": "C-1", "name": "Rail plc", "country": "DE"})
    expense = {**WORK, "number": "EXP-1", "type": "Travel", "amount": "99.99"}
    expense.pop("hours")
    prepared = billing.draft_invoice(facts(DEAL, WORK, expense, client=client))
    assert isinstance(prepared, Send)
    lines = prepared.record["lines"]
    assert sum(Decimal(line["amount"]) for line in lines) == Decimal(prepared.record["untaxed"])
    assert [line["revenue_kind"] for line in lines] == ["time", "expense"]
    assert {line["tax_treatment"] for line in lines} == {"LF-DE/domestic"}


def test_no_two_clients_of_a_large_firm_share_a_customer_code() -> None:
    clients = [f"001Tw{number:010d}MIAQ" for number in range(100_000)]
    codes = {deals.customer_code(client) for client in clients}
    assert len(codes) == len(clients)
    assert {len(code) for code in codes} == {16}


def test_work_that_its_source_counts_from_one_in_each_kind_is_told_apart() -> None:
    """Time, expense and milestone may all be number 12: none is found by another's mark."""
    spent = {"source_id": "12", "number": "EX-12", "type": "Travel", "resource_name": "Ada Quill"}
    reached = {"source_id": "12", "number": "12", "name": "12"}
    items = [WORK | {"source_id": "12"}, *(one | {"amount": "1", "currency": "USD"}
             for one in (spent, reached))]  # fmt: skip
    origins = [invoice_lines.line_of(item)["origin"] for item in items]
    for item in items:
        mark = invoice_lines.mark_of(item)
        assert sum(origin.endswith(mark) for origin in origins) == 1


def test_a_long_name_never_costs_a_line_its_mark() -> None:
    fee = {
        "number": "Thistledown Textiles – Workforce planning model – by the month 2026-11",
        "source_id": "ef423239-7a05-5c4c-a89b-64e692a74cf5 2026-11", "currency": "GBP",
        "amount": "2426.00", "retainer_month": "2026-11",
    }  # fmt: skip
    origin = invoice_lines.origin_of(fee)
    assert len(origin) == 100
    assert origin.startswith("Thistledown Textiles")
    assert origin.endswith(invoice_lines.mark_of(fee))


def test_customer_codes_are_stable_and_short() -> None:
    assert deals.customer_code("001Tw0000000001IAA") == deals.customer_code("001Tw0000000001IAA")
    assert len({deals.customer_code(str(n)) for n in range(2000)}) == 2000


def test_every_step_needs_only_steps_before_it() -> None:
    for process in PROCESSES:
        seen: set[str] = set()
        for step in process.steps(facts(DEAL, WORK)):
            assert set(step.needs) <= seen, f"{process.name}: {step.name}"
            seen.add(step.name)


NEVER_EDITED = re.compile(
    r".*(amount|untaxed|price|currency|entity|company|customer|reference|external|correlation"
    r"|_id|code|tax|number_of|lines|items|ref|ordering).*"
)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_no_field_policy_names_money_a_party_or_a_reference(process: Process) -> None:
    facts = Facts("c", "r", {}, [], {}, {}, {}, datetime(2026, 11, 20, tzinfo=UTC))
    for step in process.steps(facts):
        for field in step.editable:
            assert not NEVER_EDITED.fullmatch(field.name), (step.name, field.name)
            assert step.role and step.verb != "get"
