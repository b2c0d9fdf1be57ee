"""The org's Pub/Sub API: change events over gRPC, as the vendor's own contract describes it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NoReturn, Protocol

import grpc
from grpc.aio import ServicerContext

from integrations.pubsub import pubsub_api_pb2 as wire
from integrations.pubsub.pubsub_api_pb2_grpc import PubSubServicer, add_PubSubServicer_to_server
from integrations.sandbox.faults import Board, Fault, Kind
from integrations.sandbox.salesforce.bus import Bus, Happening, Lost
from integrations.sandbox.salesforce.change_events import (
    object_of_schema,
    object_told_at,
    payload_of,
    schema_id_of,
    schema_text,
)
from integrations.sandbox.salesforce.schema import OBJECTS, SObject

KEEPALIVE = 270.0
"""Seconds after which the vendor says, at the latest, that there is nothing to tell."""
TENANT = "00DTw0000000001MAA"
_LOOK_EVERY = 0.05
_MOST_PER_ANSWER = 50
_MOST_REQUESTED = 100
_ERRORS = "sfdc.platform.eventbus.grpc"
_CALLS = frozenset(Kind) - {Kind.DOWN, Kind.DRIFT}
"""What a call may suffer; members that have changed are the REST API's."""

Context = ServicerContext[object, object]
REFUSALS = {
    Kind.THROTTLE: (grpc.StatusCode.RESOURCE_EXHAUSTED, "subscription.limit.exceeded"),
    Kind.QUOTA: (grpc.StatusCode.RESOURCE_EXHAUSTED, "subscription.fetch.limit.exceeded"),
    Kind.SERVER_ERROR: (grpc.StatusCode.UNAVAILABLE, "service.unavailable"),
    Kind.HTML_PAGE: (grpc.StatusCode.UNAVAILABLE, ""),
    Kind.DROP_BEFORE_COMMIT: (grpc.StatusCode.UNAVAILABLE, ""),
    Kind.REFUSE: (grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.requests.invalid"),
}


class Sessions(Protocol):
    """Who is signed in to the org."""

    def is_open(self, token: str) -> bool:
        """Whether the token is one of ours and has not ended."""

    def end_all(self) -> None:
        """Every session ends."""


class PubSub(PubSubServicer):
    """Subscribe, GetSchema and GetTopic; nothing is published here."""

    def __init__(
        self, bus: Bus, sessions: Sessions, board: Board, keepalive: float = KEEPALIVE
    ) -> None:
        self._bus = bus
        self._sessions = sessions
        self._board = board
        self._keepalive = keepalive

    async def GetTopic(  # noqa: N802 - the contract's name
        self, request: wire.TopicRequest, context: Context
    ) -> wire.TopicInfo:
        """What is known of a topic."""
        await self._admit(context, f"topic {request.topic_name}")
        sobject = await self._told_at(request.topic_name, context)
        return wire.TopicInfo(
            topic_name=request.topic_name,
            tenant_guid=TENANT,
            can_publish=False,
            can_subscribe=True,
            schema_id=schema_id_of(sobject),
            rpc_id=_rpc_id(),
        )

    async def GetSchema(  # noqa: N802
        self, request: wire.SchemaRequest, context: Context
    ) -> wire.SchemaInfo:
        """The Avro schema of that fingerprint."""
        await self._admit(context, "schema")
        sobject = object_of_schema(request.schema_id)
        if sobject is None:
            await _refuse(context, grpc.StatusCode.NOT_FOUND, "schema.not.found")
        text = schema_text(sobject.name)
        return wire.SchemaInfo(schema_json=text, schema_id=request.schema_id, rpc_id=_rpc_id())

    async def Subscribe(  # noqa: N802
        self, request_iterator: AsyncIterator[wire.FetchRequest], context: Context
    ) -> AsyncIterator[wire.FetchResponse]:
        """Events as they happen, as many as were requested; empty answers in between."""
        first = await anext(request_iterator)
        suffered = await self._admit(context, f"stream {first.topic_name}")
        sobject = await self._told_at(first.topic_name, context)
        demand = Demand(first)
        if demand.trouble:
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, demand.trouble)
        number = await self._start(first, context)
        following = asyncio.create_task(demand.follow(request_iterator))
        try:
            async for answer in self._told(sobject, number, demand):
                yield _broken(answer) if Kind.GARBLED in suffered else answer
                if Kind.COMMIT_THEN_DROP in suffered:
                    await _refuse(context, grpc.StatusCode.UNAVAILABLE, "")
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, demand.trouble)
        finally:
            following.cancel()

    async def _told(
        self, sobject: SObject, number: int, demand: Demand
    ) -> AsyncIterator[wire.FetchResponse]:
        """Until the subscriber asks for what it may not."""
        quiet_since = time.monotonic()
        while not demand.trouble:
            found = self._bus.after(sobject.name, number, min(demand.open, _MOST_PER_ANSWER))
            if found:
                number, demand.open = found[-1].number, demand.open - len(found)
                events = [self._event(one, sobject) for one in found]
            elif time.monotonic() - quiet_since >= self._keepalive:
                number, events = self._bus.tip() if demand.open else number, []
            else:
                await asyncio.sleep(min(_LOOK_EVERY, self._keepalive))
                continue
            quiet_since = time.monotonic()
            yield wire.FetchResponse(
                events=events,
                latest_replay_id=self._bus.replay_id(number),
                rpc_id=_rpc_id(),
                pending_num_requested=demand.open,
            )

    def _event(self, happening: Happening, sobject: SObject) -> wire.ConsumerEvent:
        event = wire.ProducerEvent(
            id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(happening.number))),
            schema_id=schema_id_of(sobject),
            payload=payload_of(happening),
        )
        return wire.ConsumerEvent(event=event, replay_id=self._bus.replay_id(happening.number))

    async def _start(self, first: wire.FetchRequest, context: Context) -> int:
        """After which event a subscription begins."""
        if first.replay_preset == wire.ReplayPreset.LATEST:
            return self._bus.tip()
        if first.replay_preset == wire.ReplayPreset.EARLIEST:
            return 0
        try:
            return self._bus.number_of(first.replay_id)
        except Lost as lost:
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, lost.code)

    async def _told_at(self, topic: str, context: Context) -> SObject:
        sobject = object_told_at(topic)
        if sobject is None:
            await _refuse(context, grpc.StatusCode.NOT_FOUND, "topic.not.found")
        return OBJECTS[sobject.name]

    async def _admit(self, context: Context, operation: str) -> dict[Kind, Fault]:
        """Who is signed in may go on, to suffer what was ordered: what is left of that."""
        faults = {f.kind: f for f in self._board.take(f"read {operation}", _CALLS)}
        if slow := faults.get(Kind.SLOW):
            await asyncio.sleep(slow.milliseconds / 1000)
        if Kind.AUTH_EXPIRED in faults:
            self._sessions.end_all()
        given = {key: str(value) for key, value in context.invocation_metadata() or ()}
        if not self._sessions.is_open(given.get("accesstoken", "")):
            await _refuse(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.error")
        if not given.get("instanceurl") or given.get("tenantid", "")[:15] != TENANT[:15]:
            await _refuse(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.headers.invalid")
        for kind, (status, code) in REFUSALS.items():
            if fault := faults.get(kind):
                await _refuse(context, status, fault.code or code)
        return faults


class Demand:
    """What a subscriber is ready to take; `trouble` is what it may not ask."""

    def __init__(self, first: wire.FetchRequest) -> None:
        self.open = 0
        self.trouble = ""
        self._topic = first.topic_name
        self._add(first)

    async def follow(self, requests: AsyncIterator[wire.FetchRequest]) -> None:
        """Take further requests up as they come."""
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            async for request in requests:
                self._add(request)

    def _add(self, request: wire.FetchRequest) -> None:
        if not 0 < request.num_requested <= _MOST_REQUESTED:
            self.trouble = "subscription.fetch.num.requested.invalid"
        if request.topic_name not in ("", self._topic):
            self.trouble = "subscription.fetch.topic.mismatch"
        self.open += request.num_requested


class StreamListener:
    """Serves the Pub/Sub API on loopback, opening and closing its port as the board says."""

    def __init__(self, service: PubSub, port: int, board: Board) -> None:
        self._service = service
        self._port = port
        self._board = board
        self._server: grpc.aio.Server | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            await self._close()

    async def _look(self) -> None:
        if self._board.is_down():
            await self._close()
        elif self._server is None:
            self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            add_PubSubServicer_to_server(self._service, self._server)
            self._server.add_insecure_port(f"127.0.0.1:{self._port}")
            await self._server.start()

    async def _close(self) -> None:
        """Cut every stream, as a crash does."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(grace=None)


async def _refuse(context: Context, status: grpc.StatusCode, code: str) -> NoReturn:
    """The vendor says what is wrong in the trailing metadata's ``error-code``."""
    named = code if code.startswith("sfdc.") or not code else f"{_ERRORS}.{code}"
    trailing = (("error-code", named),) if named else ()
    await context.abort(status, f"The request is refused: {named or status.name}.", trailing)


def _broken(answer: wire.FetchResponse) -> wire.FetchResponse:
    """The same events, none of which can be read."""
    for event in answer.events:
        event.event.payload = b"\xff" * 12
    return answer


def _rpc_id() -> str:
    return str(uuid.uuid4())
