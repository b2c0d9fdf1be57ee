"""The Tryton connector's pure parts: its JSON, exact lines, refusals, and the feed's cursor."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater
from integrations.order_lines import line_of
from integrations.tryton import feed, read_invoice, wire
from integrations.tryton.codes import ARITHMETIC, UNITS
from integrations.tryton.read_invoice import record_of
from integrations.tryton.refusals import Refusal

SAMPLES = Path(read_invoice.__file__).with_name("samples")
numbers = st.decimals(min_value="0", max_value="99999", places=5)


@given(quantity=numbers, price=numbers, unit=st.sampled_from(sorted(UNITS)))
def test_tryton_comes_to_our_cent(quantity: Decimal, price: Decimal, unit: str) -> None:
    record = {"quantity": str(quantity), "unit_price": str(price), "unit": unit}
    line = line_of(record, "EUR", ARITHMETIC)
    tryton = (line.quantity * line.unit_price).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    assert tryton == line.amount == Money.of(quantity * price, "EUR").amount
    assert -int(line.quantity.normalize().as_tuple().exponent) <= UNITS[line.unit][1]
    assert -int(line.unit_price.normalize().as_tuple().exponent) <= ARITHMETIC.price_decimals


def test_a_line_that_comes_out_is_sent_as_it_is() -> None:
    record = {"quantity": "7.5", "unit": "hour", "unit_price": "148.50"}
    line = line_of(record, "EUR", ARITHMETIC)
    assert (line.quantity, line.unit, line.unit_price) == (Decimal("7.5"), "hour", Decimal("148.5"))


def test_a_line_that_does_not_says_how_its_amount_came_about() -> None:
    record = {"description": "Week 47", "quantity": "0.5", "unit": "hour", "unit_price": "0.01"}
    line = line_of(record, "EUR", ARITHMETIC)
    assert (line.quantity, line.unit, line.unit_price) == (Decimal(1), "unit", Decimal("0.01"))
    assert line.description == "Week 47 (0.5 hour × 0.01)"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e99", "ten"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(NotAnAmount):
        line_of({"quantity": "1", "unit_price": amount}, "EUR", ARITHMETIC)


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        line_of({"quantity": "1", "unit_price": "1"}, "XXX", ARITHMETIC)


def test_values_survive_trytons_json() -> None:
    sent = {"d": Decimal("0.10"), "on": date(2026, 11, 21), "q": wire.Quantity("7.25")}
    document = json.loads(wire.question("model.x.create", ([sent], {})))
    assert document["params"][0][0]["d"] == {"__class__": "Decimal", "decimal": "0.10"}
    assert document["params"][0][0]["q"] == 7.25
    raw = json.dumps({"id": 1, "result": document["params"][0][0]}).encode()
    back = wire.answer(raw)["result"]
    assert (back["d"], back["on"], back["q"]) == (sent["d"], sent["on"], Decimal("7.25"))


def test_a_time_is_utc_and_exact() -> None:
    at = {"__class__": "datetime", "year": 2026, "month": 11, "day": 21, "hour": 3, "minute": 4}
    raw = json.dumps({"result": {**at, "second": 5, "microsecond": 6}}).encode()
    assert wire.answer(raw)["result"] == datetime(2026, 11, 21, 3, 4, 5, 6, tzinfo=UTC)


def test_an_answer_as_tryton_gave_it_becomes_a_canonical_invoice() -> None:
    raw = (SAMPLES / "invoice.json").read_bytes()
    (row,) = wire.answer(raw)["result"]
    invoice = record_of(row)
    assert (invoice.number, invoice.state) == ("LF-UK-2026-11-0002", "posted")
    assert (invoice.entity, invoice.currency) == ("LF-UK", "GBP")
    assert (invoice.untaxed, invoice.tax) == (Decimal("1299.92"), Decimal("259.98"))
    assert invoice.total == invoice.untaxed + invoice.tax
    assert sum(line.amount for line in invoice.lines) == invoice.untaxed
    assert [line.unit for line in invoice.lines] == ["hour", "unit"]
    assert not any(isinstance(v, float) for line in invoice.lines for v in (line.quantity,))


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"[]", b'"x"', b"{}", b'{"id":1,"id":2,"result":1}', b'{"result":NaN}']
)
def test_what_tryton_never_says_is_no_answer(raw: bytes) -> None:
    with pytest.raises(wire.NotTryton):
        wire.answer(raw)


@pytest.mark.parametrize(
    ("words", "kind", "field"),
    [
        ('To continue, you must reopen the period "2026-10" of company "X"', "period_closed", "i"),
        ("To continue, you must create a fiscal year for the date", "period_closed", "i"),
        ("You cannot add lines on closed journal-period", "period_closed", "i"),
        ('To number the invoice, you must set an invoice date after "1"', "validation", "i"),
        ("The code on party must be unique.", "duplicate", "code"),
        ('The German VAT Number "1" for party "x" is not valid.', "validation", "vat_number"),
        ('A value is required for field "Invoice Address" in', "validation", "invoice_address"),
        ('You can not call "post" on "1"', "already_done", ""),
        ("Something that no list foresees", "validation", ""),
    ],
)
def test_trytons_words_have_a_meaning(words: str, kind: str, field: str) -> None:
    verdict = Refusal.read(["UserError", [words, "", None]]).verdict()
    assert isinstance(verdict, Rejected)
    assert verdict.kind == kind and words in verdict.text
    assert [problem.field for problem in verdict.fields][:1] == (
        [{"i": "invoice_date"}.get(field, field)] if field else []
    )


def test_other_classes_of_error_are_told_apart() -> None:
    stale = Refusal.read(["ConcurrencyException", "Records were modified"]).verdict()
    assert isinstance(stale, TryLater) and stale.kind is Kind.CONFLICT
    barred = Refusal.read(["UserError", ["You are not allowed to access “User”.", "", None]])
    verdict = barred.verdict()
    assert isinstance(verdict, Misconfigured) and verdict.kind is Kind.PERMISSION
    crash = Refusal.read(["'nofield'", ""]).verdict()
    assert isinstance(crash, Misconfigured) and crash.kind is Kind.CONTRACT
    asked = Refusal.read(["UserWarning", ["a1.invoice_payment_term", "Past?", ""]])
    assert asked.warning == "a1.invoice_payment_term"


def test_the_cursor_stays_behind_the_clock_and_never_goes_back() -> None:
    at = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
    settled = at.replace(second=0, minute=30, hour=11)
    fresh, old = {"write_date": at, "id": 7}, {"write_date": settled.replace(minute=10), "id": 3}
    assert feed.following([old], "", settled) == "2026-11-21T11:10:00+00:00|3"
    assert feed.following([old, fresh], "", settled) == "2026-11-21T11:30:00+00:00|0"
    assert feed.following([old, fresh], "", None) == "2026-11-21T12:00:00+00:00|7"
    later = "2026-11-21T11:45:00+00:00|2"
    assert feed.following([fresh], later, settled) == later
    assert feed.following([], later, settled) == later
