"""Where deliveries are written down: one connection of the webhook door's own, one commit a batch.

A message's id and an event's id each mean one content, for ever; the unique indexes see to it,
however many processes write at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connections

from controltower.transactions import intake

PATIENCE = 5.0
"""Seconds that a commit may take before the database counts as away."""
VENDOR = "vendor"
"""The signature of what a vendor tells in a dialect of its own."""
PREPARED_AFTER = 5
"""Executions after which a statement stays prepared: planning a small commit anew costs the
database as much as storing it. What looks stored rows up is planned each time: a plan that was
made while its table was new reads all of it later."""
LOST = (psycopg.OperationalError, psycopg.InterfaceError, OSError)

MESSAGES = """
    INSERT INTO web_webhookmessage (connection, message_id, digest, at)
    SELECT told.*, statement_timestamp()
    FROM unnest(%(connection)b::text[], %(message_id)b::text[], %(digest)b::text[]) AS told
    ON CONFLICT (connection, message_id) DO NOTHING"""
OTHER_CONTENT = """
    SELECT told.connection, told.message_id
    FROM unnest(%(connection)b::text[], %(message_id)b::text[], %(digest)b::text[])
        AS told(connection, message_id, digest)
    JOIN web_webhookmessage AS stored USING (connection, message_id)
    WHERE stored.digest <> told.digest"""

Name = tuple[str, str]
"""A connection, and an id that means one thing there."""


class NotKept(Exception):
    """Nothing of the delivery has been stored."""


class OtherContent(NotKept):
    """The message's id has been used before for another content, or those of these events."""

    def __init__(self, events: Sequence[str]) -> None:
        super().__init__()
        self.events = events


class Away(NotKept):
    """The database does not answer."""


class Uncertain(Exception):
    """The database went away during the commit: the delivery has been stored, or it has not."""


class Conflicts(Exception):
    """The batch was not stored, because of these deliveries alone."""

    def __init__(self, found: dict[Delivery, OtherContent]) -> None:
        super().__init__()
        self.found = found


@dataclass(frozen=True, eq=False, slots=True)
class Delivery:
    """One signed message and the facts in it: they are stored together or not at all.

    `signature` says whose dialect it was: that of Standard Webhooks, or the vendor's own.
    """

    connection: str
    message_id: str
    digest: str
    facts: Sequence[intake.Fact]
    signature: str = "webhook"

    @property
    def name(self) -> Name:
        """What the message is known by."""
        return self.connection, self.message_id

    @property
    def events(self) -> list[Name]:
        """What its facts are known by."""
        return [_name(fact) for fact in self.facts]


class Ledger:
    """Opened with the first commit, and again when the database was away."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection | None = None

    async def commit(self, batch: Sequence[Delivery]) -> set[Name]:
        """Store the batch, or nothing of it; which events are new. No two deliveries may share an
        id. Raises Conflicts, Away, Uncertain, or psycopg.Error for what cannot be stored.

        A connection that was open before may have died since: then a new one is tried.
        """
        if self._connection is not None:
            with contextlib.suppress(Away):
                return await self._commit(batch)
        return await self._commit(batch)

    async def _commit(self, batch: Sequence[Delivery]) -> set[Name]:
        inserted = False
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await self._opened()
                async with connection.transaction(), connection.cursor() as cursor:
                    new = await _insert(cursor, batch)
                    inserted = True
                return new
        except LOST as error:
            await self.close()
            raise (Uncertain if inserted else Away) from error

    async def _opened(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            given = connections["default"].get_connection_params()
            given |= {"cursor_factory": psycopg.AsyncCursor, "context": None, "autocommit": True}
            given |= {"prepare_threshold": PREPARED_AFTER}
            self._connection = await psycopg.AsyncConnection.connect(**given)
        return self._connection

    async def close(self) -> None:
        """Leave the database; the next commit comes back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _insert(cursor: psycopg.AsyncCursor[Any], batch: Sequence[Delivery]) -> set[Name]:
    """Which events are new. Raises Conflicts."""
    messages = await _insert_messages(cursor, batch)
    facts = [(delivery.signature, fact) for delivery in batch for fact in delivery.facts]
    rows, new = await _insert_facts(cursor, facts)
    events: set[Name] = set()
    if len(new) < len(facts):
        await cursor.execute(intake.OTHER_CONTENT, rows, prepare=False)
        events = set(await cursor.fetchall())
        vendors = [fact for signature, fact in facts if signature == VENDOR]
        new |= await _insert_returned(cursor, vendors, new)
    if messages or events:
        raise Conflicts(_found(batch, messages, events))
    return new


async def _insert_facts(
    cursor: psycopg.AsyncCursor[Any], facts: Sequence[tuple[str, intake.Fact]]
) -> tuple[dict[str, Any], set[Name]]:
    """The rows of facts, and which of them are new."""
    rows = intake.columns(facts=facts)
    await cursor.execute(intake.INSERT, rows)
    keys = {key for (key,) in await cursor.fetchall()}
    names = zip(rows["source"], rows["event_id"], strict=True)
    return rows, {name for name, key in zip(names, rows["id"], strict=True) if key in keys}


async def _insert_returned(
    cursor: psycopg.AsyncCursor[Any], vendors: Sequence[intake.Fact], new: set[Name]
) -> set[Name]:
    """Of known facts of vendors, those that tell that a record is again what it was before: each
    is stored under another name, as it is when a feed tells it."""
    known = {_name(fact): fact for fact in vendors if _name(fact) not in new}
    if not known:
        return set()
    events = [event for _, event in known.values()]
    await cursor.execute(intake.RETURNED, intake.named(events), prepare=False)
    returned = {name: intake.renamed(known[name]) for name in await cursor.fetchall()}
    if not returned:
        return set()
    _, stored = await _insert_facts(cursor, [(VENDOR, fact) for fact in returned.values()])
    return {name for name, fact in returned.items() if _name(fact) in stored}


def _name(fact: intake.Fact) -> Name:
    _, event = fact
    return event.source, event.id


def _found(
    batch: Sequence[Delivery], messages: set[Name], events: set[Name]
) -> dict[Delivery, OtherContent]:
    return {
        delivery: OtherContent([name[1] for name in delivery.events if name in events])
        for delivery in batch
        if delivery.name in messages or not events.isdisjoint(delivery.events)
    }


async def _insert_messages(
    cursor: psycopg.AsyncCursor[Any], batch: Sequence[Delivery]
) -> set[Name]:
    """The names that were used before for another content. The rows stand in the order of their
    names, lest two writers wait for each other."""
    ordered = sorted(batch, key=lambda delivery: delivery.name)
    rows = {
        "connection": [delivery.connection for delivery in ordered],
        "message_id": [delivery.message_id for delivery in ordered],
        "digest": [delivery.digest for delivery in ordered],
    }
    await cursor.execute(MESSAGES, rows)
    if cursor.rowcount == len(ordered):
        return set()
    await cursor.execute(OTHER_CONTENT, rows, prepare=False)
    return set(await cursor.fetchall())
