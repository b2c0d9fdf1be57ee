"""Credit and re-bill: what a correction of billed time must say, and what is credited."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.events import TIMESHEET_APPROVED, CanonicalEvent
from controltower.canonical.records import Project, TimeEntry
from controltower.canonical.verdicts import Kind
from controltower.canonical.wire import to_json
from controltower.processes import catalogue
from controltower.processes import credit_and_rebill as credit
from controltower.processes.definition import Entity, Facts, Hold, Learn, Refuse, Result, Send

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta())
PROJECT = Project(
    source_id="a0P1", name="Rail", entity="LF-DE", currency="EUR", correlation_id="ct-1"
)
CARD = TimeEntry(
    source_id="a0T2",
    number="TC-2",
    entity="LF-DE",
    project=PROJECT,
    project_id="a0P1",
    currency="EUR",
    amount=Decimal("-1200.00"),
    hours=Decimal(-8),
    rate=Decimal(150),
    on=date(2026, 10, 31),
    corrects="a0T1",
)
ORIGINAL = {
    "source_id": "a0T1", "hours": "8", "number": "TC-1", "project_id": "a0P1", "amount": "1200.00",
    "invoice_number": "LF-DE-7",
}  # fmt: skip
CLIENT = {"erp_code": "C-1", "country": "DE", "vat_number": "DE1"}


def facts_of(card: TimeEntry, entity: Entity = BERLIN, **original: Any) -> Facts:
    subject: dict[str, Any] = to_json(card)
    results = {
        "check": Result("", {"takes_back": str(card.amount)}),
        "original": Result("a0T1", ORIGINAL | original),
        "client": Result("1", CLIENT),
    }
    return Facts("ct-1", "CT-9", subject, [subject], results, {"LF-DE": entity}, {}, NOW)


def event_of(card: TimeEntry) -> CanonicalEvent:
    return CanonicalEvent(
        id="1", type=TIMESHEET_APPROVED, source="psa", subject="t", time=NOW, version="1",
        record=card,
    )  # fmt: skip


def test_only_what_takes_billed_time_back_is_credited() -> None:
    assert catalogue.started_by(event_of(CARD)) is credit.PROCESS
    bills = catalogue.named("time-and-expense-to-billing")
    assert catalogue.started_by(event_of(replace(CARD, corrects=""))) is bills
    assert catalogue.started_by(event_of(replace(CARD, billed=True))) is None


def test_a_credit_is_worth_what_it_takes_back() -> None:
    opening = credit.open_credit(event_of(CARD), {"LF-DE": BERLIN}, NOW)
    assert (opening.amount, opening.currency) == ("-1200.00", "EUR")
    assert credit.check_correction(facts_of(CARD)) == Learn({"takes_back": "-1200.00"})


@pytest.mark.parametrize(
    ("card", "kind", "words"),
    [
        (replace(CARD, project=None), Kind.REFERENCE_MISSING, "which the PSA does not have"),
        (replace(CARD, currency="USD"), Kind.VALIDATION, "but its contract is in EUR"),
        (replace(CARD, amount=Decimal(1)), Kind.VALIDATION, "only less is credited"),
        (replace(CARD, on=None), Kind.VALIDATION, "carries no date"),
    ],
)
def test_an_unsound_correction_is_refused_in_words(card: TimeEntry, kind: Kind, words: str) -> None:
    refused = credit.check_correction(facts_of(card))
    assert isinstance(refused, Refuse), refused
    assert (refused.kind, words in refused.text) == (kind, True), refused.text


@pytest.mark.parametrize(
    ("original", "words"),
    [
        ({"invoice_number": ""}, "TC-1, which has not been invoiced"),
        ({"project_id": "a0P9"}, "which is of another project"),
        ({"amount": "1199.99"}, "takes back 1200.00 EUR, but TC-1 was invoiced with 1199.99"),
    ],
)
def test_what_was_not_invoiced_is_not_credited(original: dict[str, Any], words: str) -> None:
    refused = credit.draft_credit(facts_of(CARD, **original))
    assert isinstance(refused, Refuse), refused
    assert words in refused.text


@given(cents=st.integers(1, 10**9), hours=st.integers(1, 10**4))
def test_a_credit_note_is_the_correction_to_the_cent(cents: int, hours: int) -> None:
    """Whatever rate the hours came to: the invoice and its credit note come to nothing."""
    worth = Decimal(cents) / 100
    card = replace(CARD, amount=-worth, hours=Decimal(-hours) / 4, rate=Decimal("149.99"))
    draft = credit.draft_credit(facts_of(card, amount=str(worth)))
    assert isinstance(draft, Send)
    (line,) = draft.record["lines"]
    assert Decimal(line["amount"]) == Decimal(draft.record["untaxed"]) == -worth
    assert Decimal(line["quantity"]) * Decimal(line["unit_price"]) < 0


def test_a_credit_note_names_the_invoice_and_its_line() -> None:
    draft = credit.draft_credit(facts_of(CARD))
    assert isinstance(draft, Send)
    (line,) = draft.record["lines"]
    assert (draft.record["credits"], line["credits"]) == ("LF-DE-7", " · timecard a0T1")
    assert line["origin"] == "TC-2 · timecard a0T2"
    assert draft.record["invoice_date"] == "2026-11-20"
    assert (line["quantity"], line["unit"]) == ("-8", "hour")


def test_a_closed_month_is_not_credited_in() -> None:
    closed = replace(BERLIN, closed_periods=frozenset({"2026-11"}))
    held = credit.draft_credit(facts_of(CARD, closed))
    assert isinstance(held, Hold)
    assert (held.kind, "01 December 2026" in held.text) == ("schedule", True)
