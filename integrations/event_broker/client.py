"""Signed-in connections to one broker, one for each operation: none outlives it, so what the broker
has closed in between is never mistaken for a lost answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import Connection as Wire
from redis.asyncio.connection import SSLConnection
from redis.exceptions import RedisError

from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations.connector import CallFailed, Connection
from integrations.event_broker.refusals import verdict_of

_OWN_SHARE = 0.95
"""Of the deadline: our own verdict must be there before whoever waits for us gives up."""
_ENCRYPTED = {"https", "rediss"}
Reply = Any
"""As RESP 2 has it: bytes, int, None, or a list of these."""


@dataclass
class Session:
    """An operation's connection, and what was said on it."""

    wire: Wire
    began: float = field(default_factory=time.monotonic)
    sent: list[str] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    effected: bool = False
    """Whether something may have been written that others see."""

    @property
    def exchange(self) -> Exchange:
        """What went over the wire so far."""
        spent = round((time.monotonic() - self.began) * 1000)
        return Exchange("\n".join(self.sent), "\n".join(self.got), None, spent)

    async def ask(self, *words: str | int | bytes) -> Reply:
        """Send a command and wait for the reply. Raises RedisError for an error reply."""
        self.sent.append(" ".join(_shown(word) for word in words))
        await self.wire.send_command(*words)
        reply = await self.wire.read_response()
        self.got.append(_shown(reply))
        return reply

    async def run(self, script: str, keys: tuple[str, ...], *values: str | int | bytes) -> Reply:
        """Let a script of ours write: all of it, or nothing. Raises RedisError."""
        self.effected = True
        return await self.ask("EVAL", script, len(keys), *keys, *values)


class Broker:
    """Where the broker is. Secrets: `user`, `password`. A `base_url` of rediss:// is encrypted."""

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.base_url)
        self._kind = SSLConnection if parts.scheme in _ENCRYPTED else Wire
        self._host, self._port = parts.hostname or "", parts.port or 6379
        self._secrets = connection.secrets
        self._deadline = connection.deadline.total_seconds() * _OWN_SHARE

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection for one operation. Raises CallFailed with what its breaking comes to."""
        session, wire = None, self._wire()
        try:
            async with asyncio.timeout(self._deadline):
                await wire.connect()  # type: ignore[no-untyped-call]  # redis-py says nothing
                session = Session(wire)
                yield session
        except (OSError, RedisError) as problem:
            # TimeoutError is an OSError: the deadline ends here as well
            raise CallFailed(self._broken(problem, session)) from None
        finally:
            await wire.disconnect(nowait=True)

    def _wire(self) -> Wire:
        return self._kind(
            host=self._host,
            port=self._port,
            username=self._secrets.get("user") or None,
            password=self._secrets.get("password") or None,
            protocol=2,
            driver_info=None,
            socket_timeout=self._deadline,
            socket_connect_timeout=self._deadline,
        )

    def _broken(self, problem: Exception, session: Session | None) -> Verdict:
        """What it comes to that an operation has broken off."""
        exchange = session.exchange if session else None
        writing = session is not None and session.effected
        if said := verdict_of(problem, exchange, writing=writing):
            return said
        place, words = f"{self._host}:{self._port}", _reason(problem)
        if session is None:
            return Unavailable(text=f"No connection to {place}: {words}. Nothing was sent.")
        if writing:
            text = f"{place} did not say whether the event was published: {words}."
            return Unknown(text=text, exchange=exchange)
        text = f"{place} did not answer: {words}."
        return TryLater(kind=Kind.OUTAGE, text=text, exchange=exchange)


def _reason(problem: Exception) -> str:
    """In a few words, without what the other side may have put into them."""
    late = "Timeout" in type(problem).__name__
    return "no answer within the deadline" if late else "the connection broke"


def _shown(word: Reply) -> str:
    if isinstance(word, bytes):
        return word.decode(errors="replace")
    if isinstance(word, list):
        return "[" + ", ".join(map(_shown, word)) + "]"
    return str(word)
