"""The webhook door without a server around it: each visit has a loop and a door of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import connection

from controltower.web.body_limit import BodyLimit
from controltower.web.inbound import Door
from tests.web.partner import DOOR, STRUCTURED, signed


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def json(self) -> Any:
        """The content, read."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Request:
    """What a partner sends: by default signed, structured, and all at once."""

    body: bytes
    headers: Mapping[str, str] | None = None
    content_type: str = STRUCTURED
    path: str = DOOR
    method: str = "POST"
    query: str = ""
    pieces: Sequence[bytes] = field(default=())

    def scope(self) -> Any:
        """As an ASGI server tells it."""
        headers = signed(self.body) if self.headers is None else self.headers
        given = {"content-type": self.content_type} | dict(headers)
        return {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "query_string": self.query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        }


def post(body: bytes, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    """One request to a door that nobody else stands at."""
    (answer,) = post_together([Request(body, headers, **more)])
    return answer


def post_together(
    requests: Sequence[Request], *, doors: int = 1, at_once: int = 500
) -> list[Answer]:
    """Requests that arrive in one moment, in turn at so many doors, each as in a process apart."""
    return asyncio.run(_visit(requests, doors, at_once))


async def _visit(requests: Sequence[Request], count: int, at_once: int) -> list[Answer]:
    doors = [Door() for _ in range(count)]
    room = asyncio.Semaphore(at_once)

    async def visit(number: int, request: Request) -> Answer:
        async with room:
            return await knock(doors[number % count], request)

    try:
        return await asyncio.gather(*(visit(*one) for one in enumerate(requests)))
    finally:
        for door in doors:
            await door.close()


async def knock(door: Door, request: Request) -> Answer:
    """Send one request through the body limit, and read the answer."""
    pieces = request.pieces or [request.body]
    arriving = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]
    said: list[Any] = []

    async def receive() -> Any:
        return arriving.pop(0) if arriving else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    await BodyLimit(door)(request.scope(), receive, send)
    start, *rest = said
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], told, b"".join(message["body"] for message in rest))


def forget() -> None:
    """Empty the inbox: what a door has committed does not go with a test's own transaction."""
    with psycopg.connect(**connection.get_connection_params()) as database:
        database.execute("DELETE FROM transactions_inboundevent")
        database.execute("DELETE FROM web_webhookmessage")
