"""Ten thousand amounts split and converted. A million by hand:
`python -m tests.hostile money --count 1000000`."""

from __future__ import annotations

from controltower.canonical.money import MINOR_UNITS
from tests.hostile.money import run


def test_no_minor_unit_is_lost_or_made() -> None:
    found = run(seed=20261121, count=10_000)
    assert found.wrong == []
    assert set(found.currencies) == set(MINOR_UNITS)
