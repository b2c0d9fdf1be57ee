"""Where deliveries are written down: one connection of the webhook door's own, one commit a batch.

A message's id and an event's id each mean one content, for ever; the unique indexes see to it,
however many processes write at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connections

from controltower.transactions import intake

PATIENCE = 5.0
"""Seconds that a commit may take before the database counts as away."""
PREPARED_AFTER = 5
"""Executions after which a statement stays prepared: planning a small commit anew costs the
database as much as storing it."""
BY_INDEX = "SET enable_seqscan = off"
"""A plan that was made while the inbox was small stays when it has grown."""
LOST = (psycopg.OperationalError, psycopg.InterfaceError, OSError)

_MESSAGES = """
    WITH message AS (
        INSERT INTO web_webhookmessage AS stored (connection, message_id, digest, at)
        SELECT told.*, statement_timestamp()
        FROM unnest(%(connection)b::text[], %(message_id)b::text[], %(content)b::text[]) AS told
        ON CONFLICT (connection, message_id)
        DO UPDATE SET digest = NULL WHERE stored.digest <> excluded.digest)"""
KEEP = f"{_MESSAGES} {intake.INSERT_AS_TOLD}"
"""Messages and their events in one statement: stored as a whole, or refused as a whole where a name
was used before for another content."""
OTHER_CONTENT = """
    SELECT told.connection, told.message_id
    FROM unnest(%(connection)b::text[], %(message_id)b::text[], %(content)b::text[])
        AS told(connection, message_id, content)
    JOIN web_webhookmessage AS stored USING (connection, message_id)
    WHERE stored.digest <> told.content"""

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
        return [(event.source, event.id) for _, event in self.facts]


class Ledger:
    """Opened with the first commit, and again when the database was away."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection | None = None

    async def commit(self, batch: Sequence[Delivery]) -> set[Name]:
        """Store the batch, or nothing of it; which events are new. No two deliveries may share an
        id. Raises Conflicts, Away, Uncertain, or psycopg.Error for what cannot be stored.

        A connection that was open before may have died since: then it is said again on a new one.
        What had been stored after all is then known already.
        """
        was_open = self._connection is not None
        try:
            return await self._commit(batch)
        except Uncertain:
            if not was_open:
                raise
        try:
            return await self._commit(batch)
        except Away as error:
            raise Uncertain from error

    async def _commit(self, batch: Sequence[Delivery]) -> set[Name]:
        sent = False
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await self._opened()
                sent = True
                return await _keep(connection, batch)
        except LOST as error:
            await self.close()
            raise (Uncertain if sent else Away) from error

    async def _opened(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            given = connections["default"].get_connection_params()
            given |= {"cursor_factory": psycopg.AsyncCursor, "context": None, "autocommit": True}
            given |= {"prepare_threshold": PREPARED_AFTER}
            self._connection = await psycopg.AsyncConnection.connect(**given)
            await self._connection.execute(BY_INDEX)
        return self._connection

    async def close(self) -> None:
        """Leave the database; the next commit comes back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _keep(connection: psycopg.AsyncConnection, batch: Sequence[Delivery]) -> set[Name]:
    """Which events are new. Raises Conflicts."""
    rows = _rows(batch)
    names = list(zip(rows["source"], rows["event_id"], strict=True))
    try:
        cursor = await connection.execute(KEEP, rows)
    except LOST:
        raise
    except psycopg.DatabaseError:
        if found := await _conflicts(connection, batch, rows):
            raise Conflicts(found) from None
        raise
    if cursor.rowcount == len(names):
        return set(names)
    keys = {key for (key,) in await cursor.fetchall()}
    return {name for name, key in zip(names, rows["id"], strict=True) if key in keys}


def _rows(batch: Sequence[Delivery]) -> dict[str, Any]:
    """The columns of events and messages, each in the order of their names, lest two writers wait
    for each other."""
    ordered = sorted(batch, key=lambda delivery: delivery.name)
    facts = [(delivery.signature, fact) for delivery in batch for fact in delivery.facts]
    return intake.columns(facts=facts) | {
        "connection": [delivery.connection for delivery in ordered],
        "message_id": [delivery.message_id for delivery in ordered],
        "content": [delivery.digest for delivery in ordered],
    }


async def _conflicts(
    connection: psycopg.AsyncConnection, batch: Sequence[Delivery], rows: dict[str, Any]
) -> dict[Delivery, OtherContent]:
    """Those whose names were used before for another content."""
    messages = set(await (await connection.execute(OTHER_CONTENT, rows)).fetchall())
    events = set(await (await connection.execute(intake.OTHER_CONTENT, rows)).fetchall())
    return {
        delivery: OtherContent([name[1] for name in delivery.events if name in events])
        for delivery in batch
        if delivery.name in messages or not events.isdisjoint(delivery.events)
    }
