"""A change order: what it must carry, and how its amount is spread over the months."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.records import ChangeOrder, Project
from controltower.canonical.verdicts import Kind
from controltower.canonical.wire import to_json
from controltower.processes import agreement
from controltower.processes import project_change_to_forecast as change
from controltower.processes.definition import Entity, Facts, Learn, Refuse, Result, Send, Skip

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10))
PROJECT = Project(
    source_id="a0P1",
    name="Rail review",
    entity="LF-DE",
    opportunity_id="006A",
    stage="Planned",
    currency="EUR",
    contract_value=Decimal(10000),
    change_limit=Decimal(3000),
    end_date=date(2027, 1, 31),
    correlation_id="ct-1",
)
ORDER = ChangeOrder(
    source_id="a0G1",
    number="CO-1",
    entity="LF-DE",
    project=PROJECT,
    project_id="a0P1",
    approved=True,
    approved_on=date(2026, 11, 20),
    currency="EUR",
    amount=Decimal("2000.01"),
)


def facts_of(order: ChangeOrder) -> Facts:
    subject: dict[str, Any] = to_json(order)
    results = {"check": Result("", {"forecast": {}})}
    return Facts("ct-1", "CT-9", subject, [subject], results, {"LF-DE": BERLIN}, {}, NOW)


def test_one_without_a_day_is_refused_and_has_no_months_of_its_own() -> None:
    """Not today's: a part sent tomorrow would be of another split, or of a month that has ended."""
    undated = replace(ORDER, approved_on=None)
    refused = change.check_change(facts_of(undated))
    assert isinstance(refused, Refuse)
    assert (refused.kind, refused.field) == (Kind.VALIDATION, "approved_on")
    for on in (NOW, NOW + timedelta(days=30)):
        steps = change.steps(replace(facts_of(undated), now=on))
        assert [one.name for one in steps] == ["check", "contract", "flag", "room"]


def parts_of(order: ChangeOrder) -> list[Send]:
    facts = facts_of(order)
    prepared = [s.prepare(facts) for s in change.steps(facts) if s.name.startswith("forecast")]
    assert all(isinstance(one, Send) for one in prepared)
    return [one for one in prepared if isinstance(one, Send)]


def test_a_sound_change_order_passes() -> None:
    assert isinstance(change.check_change(facts_of(ORDER)), Learn)


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [
        (replace(ORDER, project=None), Kind.REFERENCE_MISSING, "does not have or the tower never"),
        (replace(ORDER, entity="LF-XX"), Kind.VALIDATION, "names no legal entity"),
        (
            replace(ORDER, project=replace(PROJECT, correlation_id="")),
            Kind.REFERENCE_MISSING,
            "no contract to change",
        ),
        (
            replace(ORDER, project=replace(PROJECT, stage="Archived")),
            Kind.VALIDATION,
            "is archived: nothing can be added",
        ),
        (replace(ORDER, currency="USD"), Kind.VALIDATION, "but its contract is in EUR"),
        (replace(ORDER, currency="DM"), Kind.VALIDATION, "no currency the firm trades in"),
        (replace(ORDER, amount=Decimal("3000.01")), Kind.VALIDATION, "add 3000 EUR at the most"),
        (replace(ORDER, amount=Decimal(-10001)), Kind.VALIDATION, "more than the contract is"),
        (replace(ORDER, amount=Decimal(0)), Kind.VALIDATION, "neither the value nor the end"),
        (replace(ORDER, ends_on=date(2036, 1, 1)), Kind.VALIDATION, "more than 24 months"),
        (replace(ORDER, ends_on=date(9036, 1, 1)), Kind.VALIDATION, "no accounting period"),
    ],
)
def test_what_cannot_be_forecast_is_refused_in_words(
    order: ChangeOrder, kind: Kind, words: str
) -> None:
    refused = change.check_change(facts_of(order))
    assert isinstance(refused, Refuse), refused
    assert refused.kind is kind
    assert words in refused.text


@given(
    cents=st.integers(-(10**9), 10**9).filter(bool),
    begins=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    days=st.integers(-40, 700),
)
def test_the_months_come_to_the_amount_to_the_cent(cents: int, begins: date, days: int) -> None:
    ends = begins + timedelta(days=days)
    order = replace(ORDER, amount=Decimal(cents) / 100, approved_on=begins, ends_on=ends)
    parts = [part.record for part in parts_of(order)]
    assert sum(Decimal(part["amount"]) for part in parts) == order.amount
    assert parts[0]["start_date"] == begins.isoformat()
    assert parts[-1]["end_date"] == max(begins, ends).isoformat()
    assert len({part["period"] for part in parts}) == len(parts)


def test_only_time_is_no_forecast() -> None:
    order = replace(ORDER, amount=Decimal(0), ends_on=date(2027, 3, 31))
    assert isinstance(change.check_change(facts_of(order)), Learn)
    assert parts_of(order) == []


def test_a_project_without_a_deal_flags_nobody() -> None:
    order = replace(ORDER, project=replace(PROJECT, opportunity_id=""))
    assert isinstance(change.flag_deal(facts_of(order)), Skip)


def test_the_contract_value_is_read_back_against_its_change_orders() -> None:
    found = {"change_orders": ["CO-1"], "contract_value": "12000.01", "agreed_value": "12000.01"}
    assert agreement.budget_differs({"number": "CO-1"}, found) == ""
    assert "does not list" in agreement.budget_differs({"number": "CO-2"}, found)
    stale = {**found, "contract_value": "10000"}
    assert "make it 12000.01" in agreement.budget_differs({"number": "CO-1"}, stale)
