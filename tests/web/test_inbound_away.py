"""The door's own connection lost at the worst moments."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from controltower.transactions.models import InboundEvent
from controltower.web import ledger
from controltower.web.inbound import Door
from tests.web.doorway import Answer, Request, forget, knock, post
from tests.web.partner import SECRET, deal, encoded

pytestmark = pytest.mark.django_db

EVENT = Request(encoded(deal()))
SLOW_COMMIT = """
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER dawdling AFTER INSERT ON web_webhookmessage
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()"""


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> Iterator[None]:
    settings.INBOUND_SECRETS = {"partner": [SECRET]}
    yield
    forget()


@pytest.fixture
def database() -> Iterator[psycopg.Connection]:
    """A connection beside the test's own transaction."""
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as opened:
        yield opened


@contextmanager
def slow_commits(database: psycopg.Connection) -> Iterator[None]:
    """Every commit of a message takes half a minute."""
    database.execute(SLOW_COMMIT)
    try:
        yield
    finally:
        database.execute("DROP FUNCTION dawdle() CASCADE")


def cut(database: psycopg.Connection, doing: str) -> bool:
    """End the door's connection, once it does what is expected."""
    found = database.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
        "current_database() AND query LIKE %s AND pid <> pg_backend_pid() AND state = 'active'",
        (doing,),
    )
    return bool(found.fetchall())


def test_a_connection_that_died_unnoticed_costs_nobody_an_answer(
    database: psycopg.Connection,
) -> None:
    async def visits() -> list[Answer]:
        door = Door()
        first = await knock(door, EVENT)
        held = door.writer._ledger._connection
        assert held is not None
        database.execute("SELECT pg_terminate_backend(%s, 5000)", (held.info.backend_pid,))
        second = await knock(door, EVENT)
        await door.close()
        return [first, second]

    assert [answer.status_code for answer in asyncio.run(visits())] == [202, 200]


def test_a_connection_lost_during_the_commit_leaves_it_open(database: psycopg.Connection) -> None:
    async def visit() -> Answer:
        door = Door()
        asking = asyncio.create_task(knock(door, EVENT))
        for _ in range(100):
            await asyncio.sleep(0.05)
            if cut(database, "COMMIT%"):
                break
        answer = await asking
        await door.close()
        return answer

    with slow_commits(database):
        uncertain(asyncio.run(visit()))
    assert post(EVENT.body).status_code == 202


def test_a_database_that_hangs_is_not_waited_for(
    database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PATIENCE", 0.3)
    with slow_commits(database):
        uncertain(post(EVENT.body))
    assert post(EVENT.body).status_code == 202


def uncertain(answer: Answer) -> None:
    """It does not claim that nothing was stored, since nobody knows; here nothing was."""
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer.json()["type"] == "urn:control-tower:problem:uncertain"
    assert "Nothing was stored" not in answer.json()["detail"]
    assert not InboundEvent.objects.exists()
