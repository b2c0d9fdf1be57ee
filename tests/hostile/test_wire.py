"""Hostile requests through the served door: never a 5xx, never a stuck worker. A hundred thousand
by hand against a living tower: `python -m tests.hostile http --url … --secret … --count 100000`."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from django.db import connection

from controltower.transactions.models import EventState, InboundEvent
from tests.hostile import wire
from tests.hostile.wire import HEAD, Findings
from tests.web.doorway import forget
from tests.web.partner import SECRET, STRUCTURED, deal, encoded, signed
from tests.web.webserver import ask, web_process

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def port(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process on the tests' database."""
    name = str(connection.settings_dict["NAME"])
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    home = str(tmp_path_factory.mktemp("home"))
    with web_process(
        DATABASE_URL=database, SANDBOX_WEBHOOK_SECRET=SECRET, CONTROLTOWER_HOME=home
    ) as number:
        yield number


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    forget()


def good(port: int, event_id: str) -> int:
    """The answer to an event that nothing is wrong with."""
    body = encoded(deal(id=event_id))
    headers = signed(body, message_id=event_id) | {"content-type": STRUCTURED}
    return ask(port, "POST", wire.PATH, body, headers)[0]


def test_hundreds_of_hostile_requests(port: int) -> None:
    found = wire.run(f"http://127.0.0.1:{port}", SECRET, seed=20261121, count=400)
    assert found.wrong == []
    assert found.statuses["202"] > 20 < found.statuses["400"]
    kept = InboundEvent.objects.count()
    assert kept >= found.statuses["202"]
    assert InboundEvent.objects.filter(state=EventState.RECEIVED).count() == kept


def test_bodies_that_drip_hold_nobody_up(port: int) -> None:
    with ExitStack() as open_:
        for _ in range(60):
            slow = open_.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            slow.sendall(HEAD + b"Content-Length: 500000\r\n\r\n{")
        assert good(port, "while-they-drip") == 202
        checks = json.loads(ask(port, "GET", "/readyz")[2])["checks"]
        assert checks["database"] == "ok"


def test_only_a_tower_on_this_machine_is_attacked() -> None:
    with pytest.raises(ValueError, match="this machine"):
        wire.run("http://192.0.2.1:80", SECRET, 1, 1)


def test_a_5xx_would_be_found() -> None:
    found = Findings(1, 1)
    found.note("x", 500)
    assert not found.as_dict()["ok"]
