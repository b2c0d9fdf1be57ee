"""Names are the same for the same fact, whoever asks and whenever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controltower.transactions.references import (
    correlation_id,
    fingerprint,
    idempotency_key,
    normalised,
    reference,
)


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_fact_has_one_reference(source: str, event: str) -> None:
    first = reference(source, event, "billing")
    assert first == reference(source, event, "billing")
    assert first != reference(source, event, "deal")
    assert correlation_id(source, event) == correlation_id(source, event)


def test_a_key_changes_with_its_generation_only() -> None:
    assert idempotency_key("CT-1", "draft", 1) == "CT-1.draft"
    assert idempotency_key("CT-1", "draft", 2) == "CT-1.draft.2"


def test_one_cause_has_one_fingerprint_whatever_the_record() -> None:
    first = fingerprint("draft", "erp", "validation", "Invoice INV-1 of “A” is late.", "")
    second = fingerprint("draft", "erp", "validation", "Invoice INV-22 of “B” is late.", "")
    other = fingerprint("draft", "erp", "validation", "Invoice INV-1 has no tax.", "")
    assert first == second != other


def test_what_is_particular_is_left_out() -> None:
    assert normalised("Timecard TC-000123 has -8 hours") == normalised("Timecard TC-9 has 0 hours")
    assert normalised("4,192.50 GBP are above 24,228.00") == normalised("68.02 GBP are above 9.00")
