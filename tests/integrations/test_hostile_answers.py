"""Answers that no system should give: through every connector's door they become verdicts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from controltower.canonical.verdicts import Verdict
from controltower.systems.calls import CallFailed, ChangePage, Door, Order
from controltower.systems.models import System
from controltower.systems.pace import Pace
from integrations import catalogue
from integrations.connector import Connection

NASTY = (
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b"9" * 5000,
    b"-1e1000000",
    b"1e-1000000",
    b"0." + b"0" * 1000 + b"1",
    b'"\\ud800"',
    b'"\\u0000"',
    b"NaN",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b'"9999-99-99T99:99:99Z"',
    b'{"__class__":"Decimal","decimal":"1e999999999"}',
    b'{"__class__":"Decimal","decimal":"x"}',
    b'{"__class__":"date","year":0,"month":13,"day":-1}',
    b'{"__class__":"timedelta","seconds":1e300}',
    b"\xff\xfe",
)
SHAPES = (
    b"%s",
    b'{"records":[{"Id":%s,"SystemModstamp":%s}],"done":true,"totalSize":%s}',
    b'{"id":%s,"success":%s,"errors":%s}',
    b'{"result":%s}',
    b'{"error":%s}',
    b'{"result":[{"id":%s,"write_date":%s}],"result":1}',
)
SIGN_INS = {"/services/oauth2/token": b'{"access_token":"a-long-enough-token"}'}
CONNECTORS = {"salesforce": "opportunity", "certinia": "timecard", "tryton": "customer"}


def bodies() -> Iterator[bytes]:
    """Every nasty value in every shape that a vendor's answer has."""
    for shape in SHAPES:
        for value in NASTY:
            yield shape.replace(b"%s", value)


@pytest.fixture
def answers(httpserver: HTTPServer) -> list[bytes]:
    """What the system says to everything but the sign-in: the last of the list."""
    said: list[bytes] = [b""]

    def answer(request: Request) -> Response:
        signing_in = SIGN_INS.get(request.path) or (
            b'{"result":[1,"a-token",[]]}' if b"common.db.login" in request.data else b""
        )
        return Response(signing_in or said[-1], content_type="application/json")

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    return said


def door(name: str, url: str) -> Door:
    """A connector's door, as the engine opens it."""
    secrets = {"client_id": "i", "client_secret": "s", "user": "u", "password": "p"}
    connection = Connection(name, url, secrets, {}, timedelta(seconds=20))
    system = System(slug=name, title=name.title(), connector=name)
    return Door(system, catalogue.connect(name, connection), asyncio.Semaphore(4), Pace(0))


def questions(open_door: Door, entity: str) -> list[Callable[[], Awaitable[Verdict | ChangePage]]]:
    """Everything that is ever asked of a system."""
    record = {"name": "x", "code": "C-1", "entity": "LF-DE", "reference": "CT-1"}
    find = {"key": "k", "code": "C-1", "reference": "CT-1", "company": "LF-DE", "facts": ["a"]}
    orders = [
        Order("send", entity, "upsert", record=record, find=find, key="k", probe_first=True),
        Order("send", entity, "upsert", record=record, key="k"),
        Order("send", entity, "update", ref="1", record=record, key="k"),
        Order("probe", entity, "upsert", find=find),
        Order("read_back", entity, "get", ref="1"),
    ]
    perform = [lambda one=one: open_door.perform(one) for one in orders]
    return [
        open_door.health,
        lambda: open_door.read_changes(entity, "", 10),
        lambda: open_door.read_changes(entity, '{"stamp":', 10),
        lambda: open_door.rehearse(orders[0]),
        *perform,
    ]


async def heard(ask: Callable[[], Awaitable[Any]]) -> Any:
    """What a worker is told."""
    try:
        return await ask()
    except CallFailed as failure:
        return failure.verdict


@pytest.mark.parametrize("name", CONNECTORS)
async def test_every_answer_becomes_a_verdict(
    name: str, answers: list[bytes], httpserver: HTTPServer
) -> None:
    open_door = door(name, httpserver.url_for("").rstrip("/"))
    kinds = set()
    try:
        for body in bodies():
            answers.append(body)
            for ask in questions(open_door, CONNECTORS[name]):
                told = await heard(ask)
                assert isinstance(told, Verdict | ChangePage), (body[:80], told)
                kinds.add(type(told).__name__)
    finally:
        await open_door.connector.close()
    assert len(kinds) > 2, kinds
