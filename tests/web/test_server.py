"""The web server's patience with a request's head."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn

from controltower.web import server


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """An application that always says yes."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)


async def said_to(*pieces: bytes) -> bytes:
    """Everything that is answered to these pieces, sent a quarter of a second apart."""
    config = uvicorn.Config(answering, port=0, http=server.Guarded, lifespan="off", log_config=None)
    web = uvicorn.Server(config)
    serving = asyncio.create_task(web.serve())
    while not web.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    port = web.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.25)
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
        web.should_exit = True
        await serving


async def test_a_head_that_never_ends_is_hung_up_on() -> None:
    assert await said_to(b"GET / HTTP/1.1\r\n", b"Host: a\r\n") == b""


async def test_who_says_nothing_is_hung_up_on() -> None:
    assert await said_to() == b""


async def test_each_request_on_a_connection_has_the_time_anew() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\n"
    last = b"Connection: close\r\n\r\n"
    answers = await said_to(request, b"\r\n", request, b"\r\n", request, last)
    assert answers.count(b"204 No Content") == 3


async def test_who_finds_no_place_is_told_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 0)
    answer = await said_to(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503") and answer.count(b"HTTP/1.1") == 1
    assert b"retry-after: 1" in answer and b"connection: close" in answer
    assert b"Nothing was stored." in answer and b"x-reference: R-" in answer
