"""Which changes of mapping rules touch what carries money."""

from __future__ import annotations

from typing import Any

from controltower.canonical import moneyed


def rule(source: str, target: str, kind: str = "copy", **more: Any) -> dict[str, Any]:
    return {"label": target, "source": source, "target": target, "rule": kind, **more}


LINES = [
    rule("description", "description"),
    rule("tax_treatment", "tax_code", "value_map", values={"a": "DE-19"}),
]
RULES = [
    rule("name", "Name"),
    rule("amount", "pse__Amount__c"),
    rule("", "pse__Status__c", "constant", value="Planned"),
    rule("lines", "lines", "each", rules=LINES),
]


def test_what_the_records_declare_carries_money() -> None:
    assert {"amount", "rate", "tax", "currency", "tax_code", "hours"} <= moneyed.declared()
    assert not {"name", "entity", "on", "status", "description"} & moneyed.declared()
    assert moneyed.carries(rule("subject.amount", "X"))
    assert moneyed.carries(rule("", "revenue_account", "constant", value="4000"))
    assert not moneyed.carries(rule("name", "Name"))
    assert not moneyed.carries(rule("", "Corporate__c", "constant", value="yes"))


def test_only_what_differs_counts() -> None:
    assert moneyed.changed(RULES, RULES) == []
    plain = [RULES[0] | {"rule": "constant", "value": "A"}, *RULES[1:3], RULES[3]]
    assert moneyed.changed(RULES, plain) == []
    renamed = [RULES[0], RULES[1] | {"label": "Worth"}, *RULES[2:]]
    assert moneyed.changed(RULES, renamed) == []
    taxed = [LINES[0], LINES[1] | {"values": {"a": "DE-16"}}]
    assert moneyed.changed(RULES, [*RULES[:3], RULES[3] | {"rules": taxed}]) == ["lines[].tax_code"]


def test_added_and_removed_money_counts() -> None:
    assert moneyed.changed([], RULES) == ["pse__Amount__c", "lines[].tax_code"]
    assert moneyed.changed(RULES, [RULES[0], *RULES[2:]]) == ["pse__Amount__c"]
    fixed = [RULES[0], rule("", "pse__Amount__c", "constant", value="0"), *RULES[2:]]
    assert moneyed.changed(RULES, fixed) == ["pse__Amount__c"]
