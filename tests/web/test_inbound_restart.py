"""A database that stops in the middle of the load: what was acknowledged is there afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from controltower.embedded.postgres import OWNER, Postgres
from controltower.transactions.models import InboundEvent
from controltower.web.models import WebhookMessage
from tests.servers import PREFIX
from tests.web.partner import SECRET, STRUCTURED, deal, encoded, signed
from tests.web.webserver import ask, web_process

SENDERS = 8
PATIENCE = 20
"""Seconds after which a sender gives an event up: the door has not recovered."""


pytestmark = pytest.mark.django_db


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A durable server of this test's own, with the two tables of the inbox."""
    directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir="/tmp"))
    directory.chmod(0o711)
    server = Postgres(directory / "postgres")
    try:
        server.start()
        with psycopg.connect(server.url(OWNER)) as database:
            for statement in _tables():
                database.execute(statement)
        yield server
    finally:
        server.discard()
        shutil.rmtree(directory, ignore_errors=True)


def _tables() -> list[str]:
    """Both as they are, but for what binds them to tables that are not there."""
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        editor.create_model(InboundEvent)
        editor.create_model(WebhookMessage)
    made = [str(statement) for statement in editor.collected_sql or []]
    return [statement for statement in made if "FOREIGN KEY" not in statement]


class Sender:
    """Sends events one after the other, each until it is acknowledged."""

    def __init__(self, name: int, port: int, over: threading.Event) -> None:
        self.name, self.port, self.over = name, port, over
        self.acknowledged: set[str] = set()
        self.told: set[int] = set()

    def run(self) -> None:
        """Until it is over, and the last event is through."""
        number = 0
        while not self.over.is_set():
            event_id = f"evt-{self.name}-{number}"
            body = encoded(deal(id=event_id))
            headers = signed(body, message_id=event_id) | {"content-type": STRUCTURED}
            given_up = time.monotonic() + PATIENCE
            while not self._send(body, headers):
                assert time.monotonic() < given_up
                time.sleep(0.05)
            self.acknowledged.add(event_id)
            number += 1

    def _send(self, body: bytes, headers: dict[str, str]) -> bool:
        status, answer, _ = ask(self.port, "POST", "/inbound/sandbox/", body, headers)
        self.told.add(status)
        assert status != 503 or int(answer["Retry-After"]) > 0
        return status in {200, 202}


def test_nothing_acknowledged_is_lost_and_the_door_recovers_by_itself(postgres: Postgres) -> None:
    over = threading.Event()
    with (
        web_process(DATABASE_URL=postgres.url(), SANDBOX_WEBHOOK_SECRET=SECRET) as port,
        ThreadPoolExecutor(SENDERS) as pool,
    ):
        senders = [Sender(name, port, over) for name in range(SENDERS)]
        running = [pool.submit(sender.run) for sender in senders]
        for manner in (signal.SIGQUIT, signal.SIGINT):
            time.sleep(0.5)
            postgres.stop_signal = manner
            postgres.stop()
            time.sleep(0.3)
            postgres.start()
        time.sleep(0.5)
        over.set()
        for run in running:
            run.result(30)
    acknowledged = set[str]().union(*(sender.acknowledged for sender in senders))
    with psycopg.connect(postgres.url(OWNER)) as database:
        rows = database.execute("SELECT event_id FROM transactions_inboundevent").fetchall()
    assert {event_id for (event_id,) in rows} == acknowledged
    assert len(rows) == len(acknowledged) > 100
    assert set[int]().union(*(sender.told for sender in senders)) <= {200, 202, 503}
    assert all(503 in sender.told for sender in senders)
