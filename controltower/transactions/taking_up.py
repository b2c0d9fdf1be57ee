"""Received events are taken up: how many at once, by whom, and which of them as one set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from controltower.transactions import locks, sets, statements
from controltower.transactions.models import EventState, InboundEvent

MOST_DEATHS = 3
FOR = timedelta(seconds=30)
"""After this long without an end, an event that was taken up is due again."""
CLAIM = """
WITH due AS MATERIALIZED (SELECT id, deaths, due_at FROM transactions_inboundevent
                          WHERE state = 'received' AND due_at <= %(now)s
                          ORDER BY due_at, id LIMIT %(limit)s::bigint FOR UPDATE SKIP LOCKED),
     first AS (SELECT id, deaths FROM due ORDER BY due_at, id LIMIT 1)
UPDATE transactions_inboundevent SET deaths = deaths + 1, due_at = %(until)s
WHERE id IN (SELECT due.id FROM due, first
             WHERE due.id = first.id OR first.deaths = 0 AND due.deaths = 0)
RETURNING id
"""
"""A set of those that are due; one alone when it was there when a worker died. So whoever kills
its worker takes no other along a second time."""
OUR_TURN = """
SELECT id FROM unnest(%(ids)s::uuid[], %(keys)s::bigint[]) AS told(id, key)
WHERE pg_try_advisory_xact_lock(key)
"""
"""Of one record's facts one is read at a time, whoever reads them: what is not committed yet is
seen by nobody else, and an approval would outlive its withdrawal."""
TOLD_BEFORE = """
SELECT source, subject
FROM unnest(%(sources)s::text[], %(subjects)s::text[]) AS told(source, subject)
WHERE EXISTS (SELECT FROM transactions_inboundevent stored
              WHERE stored.source = told.source AND stored.subject = told.subject
                AND stored.state <> 'received')
"""
"""Which records have been told of before."""


def claim(*, limit: int, now: datetime) -> list[UUID]:
    """Take up so many of the events that are due, oldest first; each counts it as a death until it
    has ended."""
    with statements.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "until": now + FOR, "limit": limit})
        return sorted(row[0] for row in cursor.fetchall())


def unrelated(claimed: Sequence[UUID]) -> list[InboundEvent]:
    """Those whose record was not told of before, here or earlier, nor is just now by another."""
    events = in_turn(_received(claimed))
    told = {"sources": [one.source for one in events], "subjects": [one.subject for one in events]}
    with statements.cursor() as cursor:
        cursor.execute(TOLD_BEFORE, told)
        known = set(cursor.fetchall())
    fresh = []
    for event in events:
        if (event.source, event.subject) not in known:
            known.add((event.source, event.subject))
            fresh.append(event)
    return fresh


def in_turn(events: Sequence[InboundEvent]) -> list[InboundEvent]:
    """Those of whose record no other worker reads a fact; until the commit none will."""
    keys = [locks.key(f"{one.source}\n{one.subject}") for one in events]
    with statements.cursor() as cursor:
        cursor.execute(OUR_TURN, {"ids": [one.pk for one in events], "keys": keys})
        ours = {row[0] for row in cursor.fetchall()}
    return [one for one in events if one.pk in ours]


def _received(claimed: Sequence[UUID]) -> list[InboundEvent]:
    lock = "FOR UPDATE SKIP LOCKED"
    mine = sets.read(InboundEvent, "id", claimed, order="id", lock=lock, without=("raw",))
    return [one for one in mine if one.state == EventState.RECEIVED and one.deaths <= MOST_DEATHS]
