"""JSON from strangers: read exactly, or refused in words; never anything else."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controltower.canonical.strict_json import DEPTH, NotStrictJson, decode

KEEPABLE = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
NUMBERS = st.integers(-(10**38), 10**38) | st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15), max_value=10**15
)
VALUES = st.recursive(
    st.none() | st.booleans() | KEEPABLE | NUMBERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEEPABLE, inner, max_size=4),
    max_leaves=20,
)


def written(value: Any) -> str:
    """JSON in which decimals keep their digits."""
    match value:
        case Decimal():
            return format(value, "f")
        case dict():
            pairs = (f"{json.dumps(key)}:{written(item)}" for key, item in value.items())
            return "{" + ",".join(pairs) + "}"
        case list():
            return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


@given(VALUES)
def test_what_is_sound_is_read_exactly(value: Any) -> None:
    assert decode(written(value).encode()) == value


@given(st.binary(max_size=200) | st.text(max_size=200))
@example('"\ud800"')
@example("1e1000000")
@example(b"\xff\xfe")
def test_anything_is_read_or_refused(raw: Any) -> None:
    try:
        value = decode(raw)
    except NotStrictJson:
        return
    assert keepable(value)


@given(st.text('[]{}":,\\"ue0dD8naN1.-+ ', max_size=80))
def test_almost_json_is_read_or_refused(text: str) -> None:
    try:
        value = decode(text)
    except NotStrictJson:
        return
    assert keepable(value)
    assert depth(value) <= DEPTH


@given(st.integers(1, 200))
def test_the_limit_of_depth_is_exact(levels: int) -> None:
    raw = b"[" * levels + b"]" * levels
    if levels <= DEPTH:
        assert depth(decode(raw)) == levels
    else:
        with pytest.raises(NotStrictJson, match="64 levels"):
            decode(raw)


@given(st.integers(0, 60))
def test_brackets_in_texts_are_no_depth(count: int) -> None:
    text = '\\"' * count + "[{" * count
    assert decode(json.dumps([text])) == [text]


@pytest.mark.parametrize(
    ("raw", "number"),
    [(b"1" * 40, 10**40 // 9), (b"1e20", Decimal("1e20")), (b"-0.10", Decimal("-0.10")),
     (b"1E-20", Decimal("1E-20")), (b"0." + b"0" * 19 + b"1", Decimal("1E-20"))],
)  # fmt: skip
def test_numbers_up_to_the_limits(raw: bytes, number: Any) -> None:
    assert decode(raw) == number


@pytest.mark.parametrize(
    "raw", [b"1" * 41, b"-" + b"1" * 41, b"1e21", b"1e-21", b"0." + b"0" * 20 + b"1", b"1e99999999",
            b"1e+0000000000000000000021", b"1.5e21", b"0." + b"1" * 40],
)  # fmt: skip
def test_numbers_beyond_the_limits(raw: bytes) -> None:
    with pytest.raises(NotStrictJson, match="number"):
        decode(raw)


@pytest.mark.parametrize(
    "raw",
    [b"[" * 1_000_000, b'"' + b'\\"' * 500_000, b'{"' * 300_000, b'"\\' * 300_000, b"1" * 1_000_000,
     b"1e" + b"9" * 999_000, b"[1," * 300_000, b'["' + b"\\u0041" * 150_000, b" " * 1_000_000],
    ids=range(9),
)  # fmt: skip
def test_a_hostile_megabyte_is_refused_soon(raw: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(NotStrictJson):
        decode(raw)
    assert time.process_time() - begun < 1


def test_a_refusal_quotes_nothing() -> None:
    with pytest.raises(NotStrictJson) as refusal:
        decode('{"secret-key": 1, "secret-key": 2}')
    assert "secret" not in str(refusal.value)


def keepable(value: Any) -> bool:
    """Whether PostgreSQL can keep it and no float is in it."""
    match value:
        case float():
            return False
        case str():
            return "\x00" not in value and value.encode("utf-8") is not None
        case list():
            return all(map(keepable, value))
        case dict():
            return all(map(keepable, value)) and all(map(keepable, value.values()))
    return True


def depth(value: Any) -> int:
    """How many brackets enclose the innermost."""
    match value:
        case list():
            return 1 + max(map(depth, value), default=0)
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
    return 0
