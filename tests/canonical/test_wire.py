"""Records survive JSON to the last digit and day."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.money import NotAnAmount
from controltower.canonical.records import Invoice, InvoiceLine, Opportunity, Project, TimeEntry
from controltower.canonical.wire import from_json, require_finite, to_json
from tests.unfit import NUMBERS_THAT_ARE_NONE, holding

texts = st.text(max_size=40)
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4, max_value=10**15)
days = st.dates(date(1990, 1, 1), date(2100, 12, 31))
projects = st.none() | st.builds(Project, source_id=texts, name=texts, contract_value=amounts)


@given(
    st.builds(
        TimeEntry,
        source_id=texts,
        number=texts,
        project=projects,
        amount=amounts,
        hours=amounts,
        on=st.none() | days,
        billable=st.booleans(),
    )
)
def test_time_survives_json(entry: TimeEntry) -> None:
    assert from_json(TimeEntry, json.loads(json.dumps(to_json(entry)))) == entry


@given(st.builds(Opportunity, source_id=texts, name=texts, amount=amounts, close_date=days))
def test_a_deal_survives_json(deal: Opportunity) -> None:
    assert from_json(Opportunity, json.loads(json.dumps(to_json(deal)))) == deal


def test_lines_survive_json() -> None:
    line = InvoiceLine(
        description="Beratung – 顧問料",
        quantity=Decimal("7.25"),
        unit="hour",
        unit_price=Decimal("148.50"),
        amount=Decimal("1076.63"),
    )
    invoice = Invoice(source_id="1", lines=(line,), invoice_date=date(2026, 11, 30))
    assert from_json(Invoice, json.loads(json.dumps(to_json(invoice)))) == invoice


def test_an_unknown_key_is_left_out() -> None:
    assert from_json(Opportunity, {"source_id": "1", "colour": "red"}).source_id == "1"


@given(holding(NUMBERS_THAT_ARE_NONE))
def test_a_number_that_is_none_is_not_written(value: Any) -> None:
    with pytest.raises(NotAnAmount):
        to_json(value)
    with pytest.raises(NotAnAmount):
        require_finite([value])


@given(holding(st.floats(allow_nan=False, allow_infinity=False) | amounts))
def test_every_other_number_is(value: Any) -> None:
    require_finite([value])
    to_json(value)


@pytest.mark.parametrize("said", ["NaN", "-nan", "sNaN", "Infinity", "-inf"])
def test_an_amount_that_is_none_is_not_read(said: str) -> None:
    with pytest.raises(NotAnAmount):
        from_json(Opportunity, {"source_id": "1", "amount": said})
