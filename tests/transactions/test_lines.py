"""Workers share what is due: who finds no line asks for some, who holds several gives up half."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from controltower.systems.models import System
from controltower.transactions import lines, locks
from controltower.transactions.lines import Lines
from controltower.transactions.locks import BEHIND, Sign

pytestmark = pytest.mark.django_db
Look = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at every turn; hope and modesty last as long as a test."""
    monkeypatch.setattr(lines, "LOOK", 0.0)
    monkeypatch.setattr(lines, "HOPE", 600.0)
    monkeypatch.setattr(lines, "MODEST", 600.0)


@pytest.fixture
def due() -> list[str]:
    """Four connections with something due."""
    return ["alpha", "beta", "gamma", "delta"]


@pytest.fixture
def here() -> Iterator[Lines]:
    """This worker's lines."""
    mine = Lines()
    yield mine
    mine.let_go()


@pytest.fixture
def behind() -> Iterator[Sign]:
    """This worker says that it cannot keep up."""
    sign = Sign(BEHIND)
    sign.show()
    yield sign
    sign.hide()


@pytest.fixture
def there() -> Lines:
    """Another worker's."""
    return Lines()


@pytest.fixture
def other(there: Lines, due: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Look]:
    """What the other worker holds after its next turn, in a session of its own."""
    session = connection.copy()

    def turn() -> list[str]:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(locks, "connection", session)
            return sorted(there.follow(due))

    yield turn
    session.close()


def _hold_all(here: Lines, due: list[str]) -> None:
    for _ in due:
        here.follow(due)
    assert here.follow(due) == due


@pytest.mark.usefixtures("behind")
def test_a_worker_that_finds_none_is_given_half(
    here: Lines, there: Lines, due: list[str], other: Look
) -> None:
    _hold_all(here, due)
    assert other() == []
    here.follow(due)
    assert len(here.follow(due)) == 2
    other()
    theirs = other()
    assert len(theirs) == 2
    assert not there.hope
    assert {*theirs, *here.follow(due)} == set(due)


@pytest.mark.usefixtures("behind")
def test_a_line_is_given_up_once_its_calls_are_answered(
    here: Lines, due: list[str], other: Look
) -> None:
    """Until then nobody else calls that connection."""
    systems = [System(pk=number, connection=slug) for number, slug in enumerate(due)]
    _hold_all(here, due)
    here.begun(systems)
    other()
    assert here.follow(due) == due
    assert here.follow(due) == due
    assert other() == []
    here.ended(systems)
    assert len(here.follow(due)) == 2
    other()
    assert len(other()) == 2


@pytest.mark.usefixtures("behind")
def test_the_last_line_is_kept(here: Lines, there: Lines, due: list[str], other: Look) -> None:
    del due[1:]
    here.follow(due)
    assert other() == []
    assert there.hope
    here.follow(due)
    assert here.follow(due) == due


def test_nobody_asks_of_a_worker_that_keeps_up(
    here: Lines, there: Lines, due: list[str], other: Look
) -> None:
    """Its sets are the larger, and cost the less, the more lines it holds."""
    _hold_all(here, due)
    assert other() == []
    assert not there.hope
    assert here.follow(due) == due
