"""Contracts: what differs from them can be told and read back, and what is agreed changes them."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from controltower.canonical import contracts
from controltower.canonical.contracts import Difference, Remedy, Terms
from integrations import shape
from integrations.shape import Drift

ROW: dict[str, Any] = {
    "id": 7,
    "status": "Active",
    "client": {"name": "Meridian"},
    "lines": [{"amount": "12.50", "on": "2026-11-20"}],
    "nobody": "reads this",
}
KNOWN = {"Active": True, "Inactive": False}


def read(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        shape.of_type(row, "id", int),
        shape.choice(row, "status", KNOWN),
        shape.required(row, "client.name"),
        [
            (shape.amount_text(line, "amount"), shape.day(line, "on"))
            for line in shape.listed(row, "lines")
        ],
    )


def contract() -> dict[str, Any]:
    with shape.noting() as notes:
        read(ROW)
    return contracts.schema_of(notes.fields)


def drift(**changes: Any) -> Difference:
    """The difference that a changed answer is told as, read back from its words."""
    with pytest.raises(Drift) as caught:
        read({name: one for name, one in (ROW | changes).items() if one != "gone"})
    found = contracts.told(caught.value.verdict().text)
    assert found is not None
    assert found == contracts.told(f"{contracts.UNSHAPED}{caught.value}. {contracts.NOBODY_KNOWS}")
    return found


def test_what_is_read_is_the_contract() -> None:
    found = contract()
    Draft202012Validator.check_schema(found)
    valid = Draft202012Validator(found)
    assert valid.is_valid(ROW)
    for wrong in ({"status": "On leave"}, {"id": "7"}, {"lines": [{"on": "2026-11-20"}]}):
        assert not valid.is_valid(ROW | wrong), wrong
    assert dict(contracts.fields_of(found)) == {
        "client": "object, may be empty",
        "client.name": "string",
        "id": "integer, may be empty",
        "lines": "array",
        "lines.[].amount": "string, may be empty",
        "lines.[].on": "string, date, may be empty",
        "status": "string, one of Active, Inactive",
    }


def test_each_difference_says_what_was_agreed_and_what_came() -> None:
    assert drift(status="On leave") == Difference(
        contracts.VALUE, "status", "one of “Active”, “Inactive”", "“On leave”"
    )
    assert drift(id="7") == Difference(contracts.TYPE, "id", "a number", "text")
    assert drift(client={}) == Difference(contracts.MISSING, "client.name")
    assert drift(lines={}) == Difference("is not a list of objects", "lines")


def test_only_a_number_and_its_text_can_be_read_as_each_other() -> None:
    assert drift(id="7").remedy == Remedy.CONVERT
    assert drift(id=["7"]).remedy == Remedy.NONE


def test_only_a_short_code_is_quoted() -> None:
    for secret in ("dorothea@meridian.example", "x" * 61, "{}"):
        found = drift(status=secret)
        assert (found.found, found.remedy) == ("another", Remedy.NONE)
        assert secret not in str(found)


def test_what_is_agreed_is_read() -> None:
    terms = Terms()
    for found, stands_for in (
        (drift(status="On leave"), "Active"),
        (drift(id="7"), ""),
        (drift(lines="gone"), ""),
    ):
        terms = terms.with_(found, stands_for)
    assert Terms.of(terms.as_json()) == terms
    changed = ROW | {"status": "On leave", "id": "7", "lines": [{"amount": "3", "on": None}]}
    with shape.agreeing(terms):
        assert read(changed)[:2] == (7, True)
        with pytest.raises(Drift, match="is missing"):
            read({**ROW, "client": {}})
        assert shape.at({}, "lines") is None
    with pytest.raises(Drift):
        read(changed)
    agreed = contracts.with_terms(contract(), terms)
    assert Draft202012Validator(agreed).is_valid(changed)
    assert Draft202012Validator(agreed).is_valid({k: v for k, v in ROW.items() if k != "lines"})
    assert [one.path for one in contracts.changes(contract(), agreed)] == ["id", "lines", "status"]


def test_nothing_is_agreed_about_what_the_source_must_mend() -> None:
    for found in (drift(client={"name": ""}), drift(status="dorothea@meridian.example")):
        with pytest.raises(ValueError, match="the source must mend it"):
            Terms().with_(found, "Active")
    with pytest.raises(ValueError, match="the source must mend it"):
        Terms().with_(drift(status="On leave"))


def test_a_text_that_tells_of_no_difference() -> None:
    assert contracts.told("Tax code “DE-19” is not valid.") is None


def test_not_every_record_shows_every_field() -> None:
    before, after = contract(), {"type": "object", "properties": {"more": {"type": "string"}}}
    both = dict(contracts.fields_of(contracts.joined(before, after)))
    assert set(both) == {*dict(contracts.fields_of(before)), "more"}
