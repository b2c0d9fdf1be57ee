"""The shared HTTP client against sockets that misbehave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from integrations import http
from integrations.http import LONGEST_REST, Answer, HttpClient, NeverSent, NoAnswer
from integrations.sandbox.ports import free_port

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def served(talk: Talk, seconds: float = 1.0) -> AsyncIterator[HttpClient]:
    """A client of a server that talks as told."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = HttpClient(f"http://127.0.0.1:{port}", timedelta(seconds=seconds))
    try:
        yield client
    finally:
        await client.close()
        server.close()


def saying(content: bytes) -> Talk:
    """Read the request, say this, hang up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        await writer.drain()

    return talk


async def test_an_answer_comes_with_its_exchange() -> None:
    async with served(saying(OK)) as client:
        result = await client.send(
            "POST",
            "/things?a=1",
            body=b'{"x":1.10}',
            headers={"Accept": "application/json"},
            secret_headers={"Authorization": "Bearer hidden"},
        )
    assert isinstance(result, Answer)
    assert (result.status, result.body, result.content_type) == (200, b"{}", "application/json")
    assert result.exchange.request == 'POST /things?a=1\nAccept: application/json\n\n{"x":1.10}'
    assert result.exchange.response.endswith("{}")
    assert "hidden" not in result.exchange.request


async def test_a_secret_body_is_not_recorded() -> None:
    async with served(saying(OK)) as client:
        result = await client.send("POST", "/token", body=b"secret=1", record_body=False)
    assert result.exchange.request == "POST /token"
    assert "{}" not in result.exchange.response


async def test_a_refused_connection_never_sent() -> None:
    client = HttpClient(f"http://127.0.0.1:{free_port()}", timedelta(seconds=1))
    result = await client.send("POST", "/", body=b"x")
    await client.close()
    assert isinstance(result, NeverSent)
    assert "connection refused" in result.text


async def test_plain_http_to_a_tls_address_never_sent() -> None:
    async with served(saying(OK)) as plain:
        client = HttpClient(plain._origin.replace("http:", "https:"), timedelta(seconds=1))
        result = await client.send("POST", "/", body=b"x")
        await client.close()
    assert isinstance(result, NeverSent)


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
)
async def test_a_cut_answer_is_no_answer(said: bytes) -> None:
    async with served(saying(said)) as client:
        result = await client.send("POST", "/", body=b"x")
    assert isinstance(result, NoAnswer)


async def test_the_deadline_is_total_not_per_read() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(30):
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.1)

    started = time.monotonic()
    async with served(drip, seconds=0.6) as client:
        result = await client.send("POST", "/", body=b"x")
    assert isinstance(result, NoAnswer)
    assert time.monotonic() - started < 1.5


async def test_a_redirect_is_not_followed() -> None:
    away = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n"
    async with served(saying(away)) as client:
        result = await client.send("GET", "/")
    assert isinstance(result, Answer)
    assert result.status == 302


async def test_an_endless_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1024)
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
    async with served(saying(long)) as client:
        result = await client.send("POST", "/", body=b"x")
    assert isinstance(result, NoAnswer)


@pytest.mark.parametrize("target", ["http://elsewhere.invalid/", "//elsewhere.invalid/", "x"])
async def test_only_the_connections_host_is_called(target: str) -> None:
    client = HttpClient("http://127.0.0.1:1", timedelta(seconds=1))
    with pytest.raises(ValueError, match="own host"):
        await client.send("GET", target)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_whose_connection_breaks_is_sent_once(method: str) -> None:
    seen: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))

    async with served(hang_up) as client:
        assert isinstance(await client.send(method, "/"), NoAnswer)
    assert len(seen) == 1


async def test_a_write_never_rides_a_used_connection() -> None:
    seen: list[object] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer)
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await writer.drain()

    async with served(talk) as client:
        for method in ("GET", "GET", "POST", "POST"):
            assert isinstance(await client.send(method, "/"), Answer)
    assert len(seen) == 3


@pytest.mark.parametrize("moments", [0, 1], ids=["at once", "a moment later"])
async def test_an_answer_that_comes_twice_answers_nothing_else(moments: int) -> None:
    """As from a proxy that sends it again: whoever asks next is given an answer of their own."""
    repeated = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            asked = request.split()[1]
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(asked), asked)
            for _time in range(2):
                writer.write(answer)
                await writer.drain()
                await asyncio.sleep(0.1 * moments)
            repeated.set()

    async with served(talk, seconds=60) as client:
        for name in ("/first", "/second", "/third"):
            repeated.clear()
            result = await client.send("GET", name)
            assert isinstance(result, Answer)
            assert result.body == name.encode()
            await repeated.wait()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("7", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("99999999", LONGEST_REST),
        ("9" * 5000, LONGEST_REST),
    ],
)
async def test_retry_after_in_seconds(said: str, meant: timedelta | None) -> None:
    head = f"HTTP/1.1 429 Slow\r\nRetry-After: {said}\r\nContent-Length: 0\r\n\r\n"
    async with served(saying(head.encode())) as client:
        result = await client.send("GET", "/")
    assert isinstance(result, Answer)
    assert result.retry_after == meant
