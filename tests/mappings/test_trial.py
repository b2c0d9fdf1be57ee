"""What a version would make of a record: pure, by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from controltower.mappings.backtest import by_field, tallies
from controltower.mappings.trial import HIDDEN, Line, Outcome, Real, tried

RULES: list[dict[str, Any]] = [
    {"label": "Tax", "source": "tax", "target": "tax_code", "rule": "value_map",
     "values": {"domestic": "DE-19", "export": "EX-0"}, "required": True},
    {"label": "Contact", "source": "contact", "target": "email", "rule": "copy", "personal": True},
    {"label": "Lines", "source": "lines", "target": "lines", "rule": "each", "rules": [
        {"label": "Account", "source": "kind", "target": "account", "rule": "value_map",
         "values": {"time": "4.2", "expense": "4.1"}},
    ]},
]  # fmt: skip
RECORD = {
    "tax": "domestic",
    "contact": "a@x.example",
    "lines": [{"kind": "time"}, {"kind": "time"}],
}


def changed(**edits: Any) -> list[dict[str, Any]]:
    """The rules with other values of the first, or another contact's source."""
    tax, contact, lines = RULES
    account = lines["rules"][0] | {"values": edits.get("accounts", lines["rules"][0]["values"])}
    return [
        tax | {"values": edits.get("taxes", tax["values"])},
        contact | {"source": edits.get("contact", "contact")},
        lines | {"rules": [account]},
    ]


def real(reference: str = "T-1", record: Any = None, **values: Any) -> Real:
    own: dict[str, Any] = {
        "chain": "ct-1", "title": "Bill", "entity": "LF-DE", "amount": Decimal("7200.00"),
        "currency": "EUR", "rules": RULES, "version": 1,
    }  # fmt: skip
    return Real(reference=reference, record=RECORD if record is None else record, **own | values)


@pytest.mark.parametrize(
    ("edits", "outcome"),
    [
        ({}, Outcome.SAME),
        ({"taxes": {"domestic": "DE-16"}}, Outcome.CHANGED),
        ({"taxes": {"export": "EX-0"}}, Outcome.NOW_FAILS),
        ({"accounts": {"expense": "4.1"}}, Outcome.NOW_FAILS),
    ],
)
def test_each_outcome(edits: dict[str, Any], outcome: Outcome) -> None:
    assert tried(real(), changed(**edits)).outcome == outcome


def test_what_was_refused_would_pass_or_fail_as_before() -> None:
    reverse = real(record=RECORD | {"tax": "reverse"})
    assert tried(reverse, changed(taxes={"reverse": "EU-RC"})).outcome == Outcome.NOW_PASSES
    assert tried(reverse, RULES).outcome == Outcome.STILL_FAILS
    assert "“reverse”" in tried(reverse, RULES).why


def test_a_change_in_every_line_is_told_once() -> None:
    (one,) = tried(real(), changed(accounts={"time": "5.0"})).differences
    assert (one.field, one.before, one.after) == ("lines[].account", "4.2", "5.0")


def test_personal_values_are_compared_and_never_told() -> None:
    (one,) = tried(real(), changed(contact="tax")).differences
    assert (one.field, one.before, one.after) == ("email", HIDDEN, HIDDEN)


def test_money_is_counted_once_for_a_transaction() -> None:
    rules = changed(taxes={"domestic": "DE-16"})
    records = [real(), real(), real("T-2", entity="LF-UK", currency="GBP"), real("T-3", RECORD | {
        "tax": "export"})]  # fmt: skip
    lines: list[Line] = [tried(one, rules) for one in records]
    found = {(one.entity, one.currency): one for one in tallies(lines)}
    german = found["LF-DE", "EUR"]
    assert (german.records, german.of(Outcome.CHANGED)) == (3, 2)
    assert (german.transactions, german.amount) == (2, Decimal("14400.00"))
    assert found["LF-UK", "GBP"].amount == Decimal("7200.00")
    (field,) = by_field(lines)
    assert (field.field, field.records) == ("tax_code", 3)
