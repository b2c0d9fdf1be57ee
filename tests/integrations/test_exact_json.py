"""Numbers through JSON without losing a digit."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import exact_json

EXACT = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | EXACT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert exact_json.decode(exact_json.encode(value)) == value


@given(EXACT)
def test_a_number_keeps_its_digits(number: Decimal) -> None:
    assert Decimal(exact_json.encode(number)) == number


def test_it_is_json() -> None:
    value = {"ä": [Decimal("10.00"), None, True], "at": datetime(2026, 11, 21, tzinfo=UTC)}
    assert json.loads(exact_json.encode(value)) == {
        "ä": [10.0, None, True],
        "at": "2026-11-21T00:00:00+00:00",
    }
    assert exact_json.encode(date(2026, 11, 21)) == '"2026-11-21"'


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), Decimal("NaN"), Decimal("Infinity"), object()]
)
def test_what_is_not_exact_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        exact_json.encode({"amount": value})


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', "NaN", "[Infinity]", "{", "", "<html>", f"[0.4e{'9' * 30}]"]
)
def test_what_two_readers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own error is a ValueError
        exact_json.decode(text)
