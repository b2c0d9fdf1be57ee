"""The one HTTP client the connectors share: one host, one total deadline, errors as values.

What matters most to the caller is whether a failed call can have had an effect, so a failure is
either `NeverSent` (no connection carried a byte of the request) or `NoAnswer` (it may have been
carried out). Writes never ride a pooled connection: the far side may already have closed it, and
an idle time-out would turn into a doubtful outcome. Reads ride none on which more was said than was
asked for: the next answer on it could be another question's.
"""

from __future__ import annotations

import asyncio
import os
import select
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from controltower.canonical.verdicts import Exchange
from integrations import evidence

MOST_BYTES = 16 * 1024 * 1024
LONGEST_REST = timedelta(minutes=5)
_CONNECT_SECONDS = 5.0
_POOLED_METHODS = {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The far side answered, whatever it said."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    exchange: Exchange

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def retry_after(self) -> timedelta | None:
        """The Retry-After header, None when absent or not a number of seconds.

        At most `LONGEST_REST`: any box on the way may have written it, and asking once more by
        then costs one call, where believing an odd value would hold money for a day.
        """
        text = self.headers.get("Retry-After", "").strip()
        if not (text.isascii() and text.isdecimal()):
            return None
        seconds = text.lstrip("0") or "0"
        return min(timedelta(seconds=int(seconds[:9])), LONGEST_REST)


@dataclass(frozen=True, slots=True)
class NeverSent:
    """No connection was had: the request cannot have had an effect."""

    text: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request may have arrived, and no whole answer came back."""

    text: str
    exchange: Exchange


Result = Answer | NeverSent | NoAnswer
_ANNOUNCEMENTS = ("deprecation", "sunset", "link")
_heard: ContextVar[dict[str, str] | None] = ContextVar("heard", default=None)
_under_way: ContextVar[SimpleNamespace] = ContextVar("under_way")
"""Of the call that is made: whether it has a `connected` line."""


@contextmanager
def hearing() -> Iterator[dict[str, str]]:
    """What answers announce of the interface itself, by lower-case header: Deprecation (RFC 9745),
    Sunset (RFC 8594), and the Link beside them."""
    heard: dict[str, str] = {}
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def _hear(headers: Mapping[str, str]) -> None:
    heard = _heard.get()
    if heard is not None and ("Deprecation" in headers or "Sunset" in headers):
        heard.update((name, headers[name]) for name in _ANNOUNCEMENTS if name in headers)


class HttpClient:
    """Calls to one base URL. Follows no redirect, uses no proxy, keeps no cookie, never retries.

    `deadline` bounds the whole call, from the look-up of the name to the last byte of the answer.
    `tls` says whom it trusts and what it presents of itself; None trusts the public authorities.
    How many calls are made at once is for the caller to bound: the door does.
    """

    def __init__(
        self, base_url: str, deadline: timedelta, tls: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._deadline = deadline.total_seconds()
        self._tls = tls
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """Give sockets back."""
        for session in self._sessions.values():
            await session.close()
        self._sessions = {}

    async def send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        record_body: bool = True,
        until: float | None = None,
    ) -> Result:
        """Send one request to `target`, a path (with query) at the base URL's origin.

        `secret_headers` are sent but never recorded, and an answer that repeats one is read without
        it; `record_body=False` keeps a body with credentials out of the exchange; `until`
        (monotonic seconds) ends the call earlier than the deadline. Raises ValueError when the
        target is another host.
        """
        url = self._address(target)
        seen = SimpleNamespace(connected=False)
        _under_way.set(seen)
        sent = evidence.request(method, target, headers or {}, body if record_body else None)
        started = time.monotonic()
        try:
            given = {**(headers or {}), **(secret_headers or {})}
            response, content = await self._answered(method, url, body, given, until)
        except (aiohttp.ClientError, OSError, _TooLong) as problem:
            # TimeoutError is an OSError: the deadline and a slow connect end here as well
            return self._failure(problem, seen.connected, Exchange(sent, "", None, _since(started)))
        _hear(response.headers)
        content = evidence.without(content, secret_headers or {})
        shown = evidence.response(response, content if record_body else b"")
        exchange = Exchange(sent, shown, response.status, _since(started))
        return Answer(response.status, response.headers, content, exchange)

    async def _answered(
        self,
        method: str,
        url: URL,
        body: bytes | None,
        headers: Mapping[str, str],
        until: float | None,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """The whole answer with its content, within the time that is left."""
        session = self._session(method in _POOLED_METHODS)
        async with (
            asyncio.timeout(self._left(until)),
            session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            return response, await _bounded(response)

    def _left(self, until: float | None) -> float:
        """Seconds that a call may take from now on."""
        return self._deadline if until is None else min(self._deadline, until - time.monotonic())

    def _address(self, target: str) -> URL:
        if not target.startswith("/") or target.startswith("//"):
            raise ValueError("only paths at the connection's own host may be called")
        return URL(self._origin + target, encoded=True)

    def _session(self, pooled: bool) -> aiohttp.ClientSession:
        """The session for pooled or for single-use connections, on the running loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._sessions = loop, {}
        session = self._sessions.get(pooled)
        if session is None:
            session = aiohttp.ClientSession(
                connector=_Connections(force_close=not pooled, limit=0, ssl=self._tls or True),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
            if not pooled:
                # else a PUT or DELETE whose connection breaks is sent once more by itself
                session._retry_connection = False
            self._sessions[pooled] = session
        return session

    def _failure(
        self, problem: Exception, connected: bool, exchange: Exchange
    ) -> NeverSent | NoAnswer:
        host = urlsplit(self._origin).netloc
        if not connected:
            return NeverSent(f"No connection to {host}: {_reason(problem)}", exchange)
        if isinstance(problem, TimeoutError):
            text = f"{host} gave no answer within {self._deadline:g} s"
        elif isinstance(problem, _TooLong):
            text = f"The answer of {host} is larger than {MOST_BYTES // 1024 // 1024} MB"
        else:
            text = f"The connection to {host} broke before the answer was complete"
        return NoAnswer(text, exchange)


class _Connections(aiohttp.TCPConnector):
    """Notes that the call under way has got a connection: bytes may flow from then on. Keeps none
    on which somebody has spoken unasked, such as a proxy that sends an answer twice."""

    async def connect(self, *given: Any, **named: Any) -> Connection:
        connection = await super().connect(*given, **named)
        _under_way.get().connected = True
        return connection

    async def _get(self, *given: Any, **named: Any) -> Connection | None:
        """A kept connection to use again, if there is one."""
        while (connection := await super()._get(*given, **named)) and _has_spoken(connection):
            connection.close()
        return connection


def _has_spoken(kept: Connection) -> bool:
    """Whether bytes have come on it since its last answer, read already or not."""
    assert kept.protocol is not None
    assert kept.transport is not None
    if kept.protocol.should_close:
        return True
    look = select.poll()
    look.register(kept.transport.get_extra_info("socket"), select.POLLIN)
    return bool(look.poll(0))


class _TooLong(Exception):
    """An answer beyond the bound."""


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    while chunk := await response.content.readany():
        content += chunk
        if len(content) > MOST_BYTES:
            raise _TooLong
    return bytes(content)


def _reason(problem: Exception) -> str:
    """The network's exception in a few words."""
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return "the name is not known"
    if isinstance(problem, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not trusted"
    if isinstance(problem, TimeoutError):
        return "it did not answer in time"
    if isinstance(problem, aiohttp.ClientConnectorError):
        return os.strerror(problem.errno).lower() if problem.errno else "refused"
    return type(problem).__name__


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
