"""The org's Pub/Sub API: one subscription at a time, and the schemas of what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit

import grpc
from grpc.aio import EOF, AioRpcError, Channel

from controltower.canonical.verdicts import Kind, Misconfigured, TryLater, Unavailable, Verdict
from integrations.connector import CallFailed, Connection
from integrations.pubsub import pubsub_api_pb2 as wire
from integrations.pubsub.pubsub_api_pb2_grpc import PubSubStub
from integrations.salesforce_platform.client import OrgClient
from integrations.salesforce_platform.way import Way

T = TypeVar("T")
Metadata = tuple[tuple[str, str], ...]

MOST_REQUESTED = 100
"""Events that one request may ask for."""
_MOST_BYTES = 16 * 1024 * 1024
_OWN_SHARE = 0.9
"""Of the connection's deadline; the rest is for reading what the events are about."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_REPLAY_ID = ".fetch.replayid."
_ALLOWED: set[tuple[str, str, str]] = set()
"""Topics of an org that may be listened to; known to all connections of this process."""


class Lost(Exception):
    """The place in the stream is no longer known to the vendor: changes may have been missed."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a subscription brought: events in order, the place after them, whether it was left while
    more may have been there, and for how long was listened."""

    events: tuple[wire.ConsumerEvent, ...]
    latest: bytes
    more: bool
    listened: timedelta


class PubSub:
    """One org's streams. Calls raise CallFailed; a session that has ended is renewed once."""

    def __init__(self, connection: Connection, way: Way, client: OrgClient) -> None:
        self._org = connection.base_url
        self._seconds = connection.deadline.total_seconds() * _OWN_SHARE
        self._way = way
        self._client = client
        self._channel: Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """Give the connection back."""
        if self._channel is not None and self._loop is asyncio.get_running_loop():
            await self._channel.close()
        self._channel = None

    async def fetch(self, topic: str, after: bytes, most: int) -> Told:
        """Up to so many events after a replay id (b"" = all that is kept). Raises Lost."""
        return await self._signed_in(lambda who: self._subscribe(who, topic, after, most))

    async def schema(self, schema_id: str) -> str:
        """The Avro schema of that fingerprint, as JSON."""

        async def ask(who: Metadata) -> str:
            request = wire.SchemaRequest(schema_id=schema_id)
            answer = await self._stub().GetSchema(request, metadata=who, timeout=self._seconds)
            return str(answer.schema_json)

        return await self._signed_in(ask)

    async def _signed_in(self, ask: Callable[[Metadata], Awaitable[T]]) -> T:
        ended = ""
        while True:
            token = await self._client.token(ended)
            if isinstance(token, Verdict):
                raise CallFailed(token)
            try:
                return await ask(self._metadata(token))
            except AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED or ended:
                    raise _failure(error) from None
                ended = token

    def _metadata(self, token: str) -> Metadata:
        tenant = self._way.tenant or token.partition("!")[0]
        return (("accesstoken", token), ("instanceurl", self._org), ("tenantid", tenant))

    async def _subscribe(self, who: Metadata, topic: str, after: bytes, most: int) -> Told:
        await self._check(who, topic)
        call = self._stub().Subscribe(metadata=who, timeout=self._seconds)
        events: list[wire.ConsumerEvent] = []
        latest, wanted, more = after, 0, True
        began = monotonic()
        until = began + min(self._way.wait.total_seconds(), self._seconds)
        try:
            while len(events) < most and (left := until - monotonic()) > 0:
                if wanted <= len(events):
                    asked = min(most - len(events), MOST_REQUESTED)
                    wanted = len(events) + asked
                    with suppress(asyncio.InvalidStateError):  # it has ended: reading says why
                        await call.write(_request(topic, after, asked))
                listen = min(left, self._way.settle.total_seconds()) if events else left
                answer = await asyncio.wait_for(call.read(), listen)
                events += () if answer is EOF else answer.events
                latest = latest if answer is EOF else answer.latest_replay_id
                if answer is EOF or not answer.events:
                    more = answer is EOF and bool(events)
                    break
        except TimeoutError:
            more = False
        except AioRpcError:
            if not events:
                raise
        finally:
            call.cancel()
        del events[most:]
        place = events[-1].replay_id if events else latest
        return Told(tuple(events), place, more, timedelta(seconds=monotonic() - began))

    async def _check(self, who: Metadata, topic: str) -> None:
        """Whether the topic may be listened to at all. Raises CallFailed."""
        known = (self._way.url, self._org, topic)
        if known in _ALLOWED:
            return
        request = wire.TopicRequest(topic_name=topic)
        found = await self._stub().GetTopic(request, metadata=who, timeout=self._seconds)
        if not found.can_subscribe:
            text = f"This user may not listen to {topic}."
            raise CallFailed(Misconfigured(kind=Kind.PERMISSION, text=text))
        _ALLOWED.add(known)

    def _stub(self) -> PubSubStub:
        loop = asyncio.get_running_loop()
        if self._channel is None or self._loop is not loop:
            self._channel, self._loop = _channel(self._way), loop
        return PubSubStub(self._channel)


def _channel(way: Way) -> Channel:
    """A new connection. Raises CallFailed for an address that may not be spoken to."""
    parts = urlsplit(way.url)
    options = [("grpc.max_receive_message_length", _MOST_BYTES), ("grpc.enable_http_proxy", 0)]
    if parts.scheme == "https":
        return grpc.aio.secure_channel(parts.netloc, grpc.ssl_channel_credentials(), options)
    if parts.scheme == "http" and way.insecure and parts.hostname in _LOOPBACK:
        return grpc.aio.insecure_channel(parts.netloc, options)
    text = "The stream's address must be https; an open one only on loopback, with “insecure”."
    raise CallFailed(Misconfigured(kind=Kind.CONTRACT, text=text))


def _request(topic: str, after: bytes, asked: int) -> wire.FetchRequest:
    preset = wire.ReplayPreset.CUSTOM if after else wire.ReplayPreset.EARLIEST
    return wire.FetchRequest(
        topic_name=topic, replay_preset=preset, replay_id=after, num_requested=asked
    )


def _failure(error: AioRpcError) -> CallFailed | Lost:
    """What a status came to; the vendor's own name of it is the trailing ``error-code``."""
    status, said = error.code(), error.details() or ""
    code = dict(error.trailing_metadata() or ()).get("error-code", "")
    if status is grpc.StatusCode.INVALID_ARGUMENT and _REPLAY_ID in str(code):
        return Lost(str(code))
    text = f"The stream said {status.name}: {said or code}"
    if status is grpc.StatusCode.UNAVAILABLE:
        return CallFailed(Unavailable(text=text))
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return CallFailed(TryLater(kind=Kind.RATE_LIMITED, text=text))
    if kind := _OURS.get(status):
        return CallFailed(Misconfigured(kind=kind, text=text))
    return CallFailed(TryLater(kind=Kind.OUTAGE, text=text))


_OURS = {
    grpc.StatusCode.UNAUTHENTICATED: Kind.AUTH,
    grpc.StatusCode.PERMISSION_DENIED: Kind.PERMISSION,
    grpc.StatusCode.INVALID_ARGUMENT: Kind.CONTRACT,
    grpc.StatusCode.NOT_FOUND: Kind.CONTRACT,
    grpc.StatusCode.UNIMPLEMENTED: Kind.CONTRACT,
}
