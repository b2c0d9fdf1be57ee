"""Records survive JSON to the last digit and day."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.records import Invoice, InvoiceLine, Opportunity, Project, TimeEntry
from controltower.canonical.wire import from_json, to_json

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
