"""Ten thousand hostile documents: each is taken as it is, or refused in words; none is anything
else. A million by hand: `python -m tests.hostile documents --count 1000000`."""

from __future__ import annotations

from tests.hostile.documents import documents
from tests.hostile.reading import run


def test_ten_thousand_documents() -> None:
    found = run(seed=20261121, count=10_000)
    assert found.wrong == []
    assert found.slowest < 1.0
    assert found.ways["sound refused"] == found.ways["twice taken"] == 0
    assert found.taken > 1000 < found.refused


def test_a_seed_gives_the_same_documents() -> None:
    assert list(documents(7, 200)) == list(documents(7, 200))
    assert list(documents(7, 200)) != list(documents(8, 200))
