"""The quick look at an event's data: what it takes, the careful one would take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from controltower.canonical import cloud_event, schema

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.dates().map(str)
    | st.from_regex(r"-?[0-9]{0,16}(\.[0-9]{0,19})?\n?", fullmatch=True)
    | st.text(max_size=8)
    | st.sampled_from(
        ["x" * 60, "x" * 61, "x" * 120, "x" * 121, "x" * 400, "x" * 401, "2026-W01-1"]
    )
    | st.lists(st.integers(), max_size=1)
)


def objects(described: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Objects with what is required and up to two other fields, which may hold anything."""
    parts = [
        part
        for value in described["properties"].values()
        for part in value.get("anyOf", [])
        if "properties" in part
    ]
    values = st.one_of(VALUES, *map(objects, parts))
    names = st.sampled_from([*described["properties"], "unknown"])
    required = st.fixed_dictionaries({name: st.just("X-1") for name in described["required"]})
    return st.builds(dict.__or__, required, st.dictionaries(names, values, max_size=2))


@pytest.mark.parametrize("event_type", sorted(schema.ACCEPTED))
def test_the_quick_look_takes_nothing_that_the_careful_one_refuses(event_type: str) -> None:
    seen = set()

    @hypothesis_settings(max_examples=250, deadline=None)
    @given(data=objects(schema.of_event(event_type)) | VALUES)
    def look(data: Any) -> None:
        quick = cloud_event._fits(event_type, data)
        careful = not list(cloud_event._validator(event_type).iter_errors(data))
        assert careful or not quick
        seen.add(quick)

    look()
    assert seen == {True, False}


def test_what_the_quick_look_alone_refuses_is_taken() -> None:
    """A pattern's end may stand before a last line break in one reader and not in the other."""
    data = {"source_id": "OPP-1", "amount": "12.50\n"}
    assert not cloud_event._fits("opportunity.won", data)
    assert cloud_event._data(data, "opportunity.won") == data
