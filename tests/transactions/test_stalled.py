"""A worker that has stopped without dying holds up nobody for longer than a lease."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from controltower.systems.models import System
from controltower.transactions import locks, stalled
from controltower.transactions.lines import Line
from tests.factories import found

pytestmark = pytest.mark.django_db
AT_ONCE = timedelta(0)


@pytest.fixture
def frozen() -> Iterator[BaseDatabaseWrapper]:
    """The session of a worker that says nothing any more."""
    found()
    session = connection.copy()
    session.ensure_connection()
    yield session
    session.close()


@pytest.fixture
def line(frozen: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line that the frozen worker holds."""
    held = Line(System.objects.values_list("connection", flat=True)[0])
    with monkeypatch.context() as there:
        there.setattr(locks, "connection", frozen)
        assert held.take()
    assert not held.take()
    return held


def _soon(so: Callable[[], bool]) -> bool:
    """A session that is told to end does so in a moment."""
    until = time.monotonic() + 5
    while not (done := so()) and time.monotonic() < until:
        time.sleep(0.02)
    return done


def test_its_line_is_taken_over(line: Line) -> None:
    assert stalled.end_stalled(patience=AT_ONCE) == 1
    assert _soon(line.take)
    line.release()


def test_what_its_transaction_has_locked_is_released(frozen: BaseDatabaseWrapper) -> None:
    frozen.set_autocommit(False)
    with frozen.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4711)")

    def free() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(4711)")
            return bool(cursor.fetchone()[0])

    assert not free()
    assert stalled.end_stalled(patience=AT_ONCE) == 1
    assert _soon(free)


def test_when_it_wakes_its_session_is_gone(frozen: BaseDatabaseWrapper, line: Line) -> None:
    stalled.end_stalled(patience=AT_ONCE)
    assert _soon(line.take)
    with pytest.raises(OperationalError), frozen.cursor() as cursor:
        cursor.execute("SELECT 1")
    line.release()


def test_a_worker_that_was_heard_within_a_lease_is_left_alone(line: Line) -> None:
    assert stalled.end_stalled() == 0
    assert not line.take()


def test_an_idle_session_that_holds_nothing_is_left_alone(frozen: BaseDatabaseWrapper) -> None:
    assert stalled.end_stalled(patience=AT_ONCE) == 0
    with frozen.cursor() as cursor:
        cursor.execute("SELECT 1")
