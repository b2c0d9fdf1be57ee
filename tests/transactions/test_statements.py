"""The engine's own statements stay prepared, and are planned anew from time to time."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.transaction import atomic, set_rollback

from controltower.transactions import statements

QUESTION = "SELECT %s::int + 1"
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int + 1%'"
MOST_PREPARED = 100
"""So many the driver keeps."""

pytestmark = pytest.mark.django_db


def _ask(number: int) -> int:
    with statements.cursor() as cursor:
        cursor.execute(QUESTION, [number])
        (answer,) = cursor.fetchone()
    return int(answer)


def _prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute(PREPARED)
        (count,) = cursor.fetchone()
    return int(count)


def test_a_statement_that_comes_again_stays_prepared_and_takes_new_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statements, "PLANNED_FOR", 10**9)
    numbers = (1, 41, 100_000, -1, 2**31 - 2)
    assert [_ask(number) for number in numbers] == [number + 1 for number in numbers]
    assert _prepared() > 0


def test_it_is_planned_anew_again_and_again_and_the_session_keeps_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for era in range(MOST_PREPARED + 20):
        monkeypatch.setattr(statements, "_present", lambda era=era: era)
        for number in range(statements.PREPARED_AFTER + 2):
            assert _ask(number) == number + 1
    assert 2 < _prepared() <= MOST_PREPARED + 1


def test_what_was_rolled_back_leaves_the_session_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "PLANNED_FOR", 10**9)
    for _round in range(3):
        with atomic():
            for number in range(statements.PREPARED_AFTER + 2):
                _ask(number)
            set_rollback(True)
        assert _ask(6) == 7


def test_djangos_own_statements_are_not_remembered() -> None:
    _ask(1)
    assert connection.connection.prepare_threshold is None
