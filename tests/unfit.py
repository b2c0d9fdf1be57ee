"""Values that no books may keep, wherever they hide."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

NUMBERS_THAT_ARE_NONE = st.sampled_from(
    [float("nan"), float("inf"), float("-inf"),
     *map(Decimal, ("NaN", "-NaN", "sNaN", "Infinity", "-Infinity"))]
)  # fmt: skip
_SOUND = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just(Decimal("1.10"))


def holding(needle: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Documents that hold the value somewhere, among sound ones."""
    return st.recursive(
        needle,
        lambda inner: (
            st.tuples(st.lists(_SOUND, max_size=3), inner).map(lambda pair: [*pair[0], pair[1]])
            | st.tuples(st.dictionaries(st.text(max_size=5), _SOUND, max_size=3), inner).map(
                lambda pair: {**pair[0], "amount": pair[1]}
            )
        ),
        max_leaves=4,
    )
