"""The broker's door: events of ours are published once, those of others are read by a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Quota,
    Rejected,
    Verdict,
)
from integrations.answers import not_offered, offered
from integrations.connector import (
    Auth,
    CallFailed,
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Unread,
    Verification,
)
from integrations.event_broker import events, feed
from integrations.event_broker.client import Broker, Session
from integrations.event_broker.needs import NEEDS
from integrations.shape import Drift

_TITLE, _EVENT = "Event broker", "event"
REMEMBERS = timedelta(days=30)
"""For how long the broker keeps the names of what was published."""
KEEPS = 1_000_000
"""Entries of our stream, about: older ones are trimmed."""
PATIENCE = 60.0
_PUBLISH = """
local known = redis.call('GET', KEYS[2])
if known then return {known, 0} end
local entry = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'event', ARGV[1])
redis.call('SET', KEYS[2], entry, 'EX', ARGV[3])
return {entry, 1}
"""
"""An event and the name by which a repeat of it is known, or neither."""
T = TypeVar("T")


class BrokerConnector:
    """One broker. Secrets: `user`, `password`.

    Options: `publishes` (the stream of our events, "tower.events") under the name `source`
    ("/control-tower"); `reads` (the stream of others', "firm.events") as `consumer` (the
    connection's name) of `group` ("control-tower"), which takes over what other consumers have left
    for `patience_seconds` (60).
    """

    descriptor = Descriptor(
        name="event_broker",
        title=_TITLE,
        domain="Events",
        api_version="Redis Streams, CloudEvents 1.0",
        feeds={_EVENT: ChangeFeed.QUEUE},
        operations=(
            Operation(_EVENT, "get", Effect.READ),
            Operation(_EVENT, "upsert", Effect.KEYED, key_for=REMEMBERS),
        ),
        verification=Verification.REAL_COUNTERPART,
        auth=Auth.BASIC,
        concurrency=4,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        self._broker = Broker(connection)
        self._feed = f"{connection.slug}/{_EVENT}"
        self._stream = str(options.get("publishes") or "tower.events")
        self._source = str(options.get("source") or "/control-tower")
        self._group = feed.Group(
            stream=str(options.get("reads") or "firm.events"),
            name=str(options.get("group") or "control-tower"),
            consumer=str(options.get("consumer") or connection.slug),
            patience=round(float(options.get("patience_seconds", PATIENCE)) * 1000),
        )
        self._given: dict[str, str] = {}

    async def close(self) -> None:
        """Nothing is kept open."""

    async def health(self) -> Verdict:
        """Ask how long our stream is: signed in, and allowed to."""

        async def looked(session: Session) -> Verdict:
            await session.ask("XLEN", self._stream)
            return Done(ref="", outcome=Outcome.READ, exchange=session.exchange)

        return await self._verdict(looked)

    def rate_limit(self) -> Quota:
        """The broker tells of none."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """What was given to us before and is not acknowledged, then what is new. Raises
        CallFailed."""
        offered(_TITLE, entity, {_EVENT})
        page, given = await self._data(
            lambda session: feed.changes(session, self._group, self._feed, cursor, limit)
        )
        self._given |= given
        return page

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        return events.change(self._feed, events.Entry("", row.raw))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the whole event."""
        return events.retold(raw) if entity == _EVENT else None

    async def ack(self, refs: Sequence[str]) -> None:
        """Let the group forget the entries of these facts, each as often as it was told. What
        another process was given comes again, and is acknowledged then. Raises CallFailed."""
        told = set(refs)
        places = [place for place, event_id in self._given.items() if event_id in told]
        if places:
            await self._data(lambda session: feed.acknowledge(session, self._group, places))
            for place in places:
                del self._given[place]

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One event of ours by its place in the stream."""
        offered(_TITLE, entity, {_EVENT})
        return await self._verdict(lambda session: self._shown(session, ref))

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """An event of ours by its `id`, or by the key that it was sent with where that is its
        id."""
        offered(_TITLE, entity, {_EVENT})
        name = str(business_key.get("id") or business_key.get("key") or "")
        if not name:
            unclear = f"No event can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)

        async def looked(session: Session) -> Verdict:
            place = await session.ask("GET", self._name(name))
            return await self._shown(session, (place or b"").decode())

        return await self._verdict(looked)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Whether it can be an event; nothing is asked for that."""
        offered(_TITLE, entity, {_EVENT})
        if record.get("type"):
            return None
        return Rejected(kind=Kind.VALIDATION, text="An event without a type tells nobody anything.")

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Publish an event under its `id` (the key when it has none). One that is published is
        never changed: the same again is known, another content under its id is refused."""
        offered(_TITLE, entity, {_EVENT})
        if refusal := await self.check(entity, record):
            return refusal
        name = str(record.get("id") or idempotency_key)
        raw = events.written(record, self._source, name)
        return await self._verdict(lambda session: self._published(session, name, raw))

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """Nothing is done to an event once it is published."""
        return not_offered(_TITLE, f"“{action}” on {entity}")

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """What we have published in the window, as far as it is kept. Raises CallFailed."""
        offered(_TITLE, entity, {_EVENT})
        return await self._data(lambda session: self._keys(session, since, until))

    async def _published(self, session: Session, name: str, raw: bytes) -> Verdict:
        seconds = round(REMEMBERS.total_seconds())
        keys = (self._stream, self._name(name))
        place, is_new = await session.run(_PUBLISH, keys, raw, KEEPS, seconds)
        ref = place.decode()
        found = [events.Entry(ref, raw)] if is_new else await self._at(session, ref)
        if found and events.matter_of(found[0].event) != events.matter_of(raw):
            text = f"An event “{name}” was published before, and says something else."
            return Rejected(kind=Kind.CONFLICT, text=text, exchange=session.exchange)
        return Done(
            ref=ref,
            outcome=Outcome.CREATED if is_new else Outcome.ALREADY_DONE,
            version=ref,
            values=events.values_of(found[0].event if found else raw),
            exchange=session.exchange,
        )

    async def _shown(self, session: Session, ref: str) -> Verdict:
        found = await self._at(session, ref) if events.ENTRY.fullmatch(ref) else []
        if not found:
            text = f"The broker has no event of ours at “{ref}”."
            return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=session.exchange)
        return Done(
            ref=ref,
            outcome=Outcome.READ,
            version=ref,
            values=events.values_of(found[0].event),
            exchange=session.exchange,
        )

    async def _at(self, session: Session, ref: str) -> list[events.Entry]:
        found = events.entries(await session.ask("XRANGE", self._stream, ref, ref))
        return [entry for entry in found if entry.place == ref]

    async def _keys(self, session: Session, since: datetime, until: datetime) -> Sequence[Key]:
        first, last = (round(at.astimezone(UTC).timestamp() * 1000) for at in (since, until))
        found: list[Key] = []
        after = str(first)
        while rows := events.entries(
            await session.ask("XRANGE", self._stream, after, last - 1, "COUNT", 1000)
        ):
            found += [events.key_of(row) for row in rows]
            after = f"({rows[-1].place}"
        return found

    def _name(self, event_id: str) -> str:
        return f"{self._stream}:sent:{event_id}"

    async def _verdict(self, operation: Callable[[Session], Awaitable[Verdict]]) -> Verdict:
        try:
            return await self._data(operation)
        except CallFailed as failure:
            return failure.verdict

    async def _data(self, operation: Callable[[Session], Awaitable[T]]) -> T:
        async with self._broker.session() as session:
            try:
                return await operation(session)
            except Drift as drift:
                told = drift.doubt if session.effected else drift.verdict
                raise CallFailed(told(session.exchange)) from None
