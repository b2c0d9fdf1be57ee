"""The inbox: store what came durably, once, before anybody acknowledges it.

Two ways lead in. Polling calls `receive`. The webhook door commits the events of many requests
together on a connection of its own; it executes the same `INSERT` with the same `columns`, and
calls `announce` once its commit is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.transaction import atomic, on_commit

from controltower import queues
from controltower.canonical.events import CanonicalEvent
from controltower.canonical.identity import new_id
from controltower.canonical.wire import to_json
from controltower.transactions import bell
from controltower.transactions.models import EventState, InboundEvent

UNREAD = "unread"
"""The type of an event of which nobody can say what it tells."""
WHY, JUDGED_BY, TOLD_AS = "why", "judged_by", "told_as"
"""What is kept of a row that could not be read, beside its bytes."""
AGAIN = "It is read again when it changes there, or when its form is agreed on."
MOST_AGAIN = 100
"""How many rows that were set aside are read anew at one reading of their feed."""
Fact = tuple[bytes, CanonicalEvent]
"""An event, and the bytes that it was read from."""

INSERT = """
    INSERT INTO transactions_inboundevent (
        id, source, event_id, type, subject, version, occurred_at, raw, digest, record_kind,
        record, keys, correlation_id, signature, received_at, due_at, state, reason, deaths)
    SELECT id, source, event_id, type, subject, version, occurred_at, raw, digest,
        record_kind, record::jsonb, keys::jsonb, correlation_id, signature,
        moment, moment, 'received', '', 0
    FROM coalesce(%(now)s::timestamptz, statement_timestamp()) AS moment, unnest(
        %(id)b::uuid[], %(source)b::text[], %(event_id)b::text[], %(type)b::text[],
        %(subject)b::text[], %(version)b::text[], %(occurred_at)b::timestamptz[],
        %(raw)b::bytea[], %(digest)b::text[], %(record_kind)b::text[], %(record)b::text[],
        %(keys)b::text[], %(correlation_id)b::text[], %(signature)b::text[])
        AS fact(id, source, event_id, type, subject, version, occurred_at, raw, digest,
            record_kind, record, keys, correlation_id, signature)
    ON CONFLICT (source, event_id) DO NOTHING
    RETURNING id"""
"""Takes `columns`; gives back the keys of those that are new. The rest had been stored before.
Record and keys become jsonb row by row: arrays of jsonb cost the database a third more."""

RETURNED = """
    SELECT told.source, told.event_id
    FROM unnest(%(source)s::text[], %(event_id)s::text[], %(subject)s::text[], %(version)s::text[])
        AS told(source, event_id, subject, version)
    JOIN transactions_inboundevent AS before USING (source, event_id)
    CROSS JOIN LATERAL (
        SELECT newest.event_id, newest.version FROM transactions_inboundevent AS newest
        WHERE newest.source = told.source AND newest.subject = told.subject
          AND newest.type = before.type
        ORDER BY newest.version DESC LIMIT 1) AS now
    WHERE now.version < told.version
      AND now.event_id <> told.event_id
      AND NOT starts_with(now.event_id, told.event_id || '@')"""
"""Takes columns of events; gives back the names of those that are known, and of whose record
something else has been told since."""

OTHER_CONTENT = """
    SELECT told.source, told.event_id
    FROM unnest(%(source)b::text[], %(event_id)b::text[], %(digest)b::text[],
                %(signature)b::text[])
        AS told(source, event_id, digest, signature)
    JOIN transactions_inboundevent AS stored USING (source, event_id)
    WHERE stored.digest <> told.digest AND told.signature <> 'vendor'"""
"""Takes `columns`; gives back the names of events that are stored with another content. A vendor
names a fact by what it says, and shows it in one shape in a message, in another in a list."""


class Row(NamedTuple):
    """What `INSERT` is told of each event."""

    id: UUID
    source: str
    event_id: str
    type: str
    subject: str
    version: str
    occurred_at: datetime
    raw: bytes
    digest: str
    record_kind: str
    record: str
    keys: str
    correlation_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class Illegible:
    """A row of a feed that could not be read: the record's id, its bytes, why, what the source is
    told once it is kept, by what it was judged, and what it says all the same (`at_stake`)."""

    ref: str
    raw: bytes
    reason: str
    told_as: str = ""
    judged_by: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was stored now, in the order of the facts, and how many were there already."""

    stored: tuple[UUID, ...]
    duplicates: int


def receive(*, facts: Sequence[Fact], signature: str, now: datetime) -> Receipt:
    """Store facts with their raw bytes, deduplicated by (source, event id), in one commit.

    The caller acknowledges to its source only after this has returned.
    """
    if not facts:
        return Receipt((), 0)
    rows = columns(facts=[(signature, fact) for fact in facts], now=now)
    with atomic(), connection.cursor() as cursor:
        cursor.execute(INSERT, rows)
        stored = sorted(key for (key,) in cursor.fetchall())
        if stored:
            on_commit(announce, robust=True)
    return Receipt(tuple(stored), len(facts) - len(stored))


def told_anew(facts: Sequence[Fact]) -> list[Fact]:
    """Facts of a feed, each under a name of its own. A source names a fact by its content, so that
    our own writing makes no second one: a record that has become again what it was before is a new
    fact under an old name, and is told apart by its version."""
    if not facts:
        return []
    events = [event for _raw, event in facts]
    with connection.cursor() as cursor:
        cursor.execute(RETURNED, named(events))
        returned = set(cursor.fetchall())
    return [
        renamed(fact) if (event.source, event.id) in returned else fact
        for fact, event in zip(facts, events, strict=True)
    ]


def named(events: Sequence[CanonicalEvent]) -> dict[str, list[str]]:
    """What `RETURNED` takes."""
    return {
        "source": [event.source for event in events],
        "event_id": [event.id for event in events],
        "subject": [event.subject for event in events],
        "version": [event.version for event in events],
    }


def renamed(fact: Fact) -> Fact:
    """That a record is again what it was before, told apart from when it was so first."""
    raw, event = fact
    return raw, replace(event, id=f"{event.id}@{event.version}")


def set_aside(*, source: str, entity: str, unread: Sequence[Illegible], now: datetime) -> int:
    """Keep rows of a feed that could not be read as quarantined events, with why and by what they
    were judged; how many are new."""
    quarantined = InboundEvent.objects.filter(source=source, state=EventState.QUARANTINED)
    before = quarantined.count()
    events = [_unread(source, entity, one, now=now) for one in unread]
    InboundEvent.objects.bulk_create(events, ignore_conflicts=True)
    for event in events:
        judged = quarantined.filter(event_id=event.event_id)
        judged.exclude(record=event.record).update(record=event.record, reason=event.reason)
    after = quarantined.count()
    if after != before:
        on_commit(lambda: bell.ring_now(frozenset({"exceptions", "tower"})), robust=True)
    return after - before


def _unread(source: str, entity: str, row: Illegible, *, now: datetime) -> InboundEvent:
    digest = hashlib.sha256(row.raw).hexdigest()
    why = row.reason.rstrip(".")
    return InboundEvent(
        source=source[:60],
        event_id=f"unread:{digest}",
        type=UNREAD,
        subject=f"{entity}:{row.ref}"[:120] if row.ref and row.ref.isprintable() else entity,
        version="",
        occurred_at=now,
        received_at=now,
        due_at=now,
        raw=row.raw,
        digest=digest,
        signature="polled",
        record_kind="",
        record={**row.said, WHY: why[:400], JUDGED_BY: row.judged_by, TOLD_AS: row.told_as},
        state=EventState.QUARANTINED,
        reason=f"This row could not be read: {why}. {AGAIN}"[:400],
    )


def awaiting(*, source: str, judged_by: str) -> list[InboundEvent]:
    """Rows that were set aside and judged by something else than what is in force now."""
    events = InboundEvent.objects.filter(
        source=source, state=EventState.QUARANTINED, type=UNREAD
    ).exclude(**{f"record__{JUDGED_BY}": judged_by})
    return list(events.order_by("received_at", "pk")[:MOST_AGAIN])


def was_read(*, source: str, digests: Collection[str]) -> None:
    """Rows that had been set aside could be read by what is in force now."""
    _superseded(source, "It could be read by what was agreed since.", digest__in=digests)


def read_at_last(*, source: str, entity: str, refs: Sequence[str]) -> None:
    """Rows that had been set aside have come in a form that could be read."""
    subjects = [f"{entity}:{ref}"[:120] for ref in refs]
    _superseded(source, "It could be read when it had changed.", subject__in=subjects)


def _superseded(source: str, reason: str, **which: Collection[str]) -> None:
    InboundEvent.objects.filter(
        source=source, state=EventState.QUARANTINED, type=UNREAD, **which
    ).update(state=EventState.SUPERSEDED, reason=reason)


def columns(*, facts: Sequence[tuple[str, Fact]], now: datetime | None = None) -> dict[str, Any]:
    """The rows to insert, column by column, of facts with the way they came (their signature);
    their keys rise in the order of the facts (at least one). The rows stand in the order of their
    names, lest two writers wait for each other. Without a moment they are received by the
    database's clock."""
    rows = [_row(raw, event, signature) for signature, (raw, event) in facts]
    rows.sort(key=lambda row: (row.source, row.event_id))
    table = zip(Row._fields, zip(*rows, strict=True), strict=True)
    return {name: list(column) for name, column in table} | {"now": now}


def _row(raw: bytes, event: CanonicalEvent, signature: str) -> Row:
    return Row(
        id=new_id(),
        source=event.source,
        event_id=event.id,
        type=event.type,
        subject=event.subject,
        version=event.version,
        occurred_at=event.time,
        raw=raw,
        digest=hashlib.sha256(raw).hexdigest(),
        record_kind=type(event.record).__name__,
        record=json.dumps(to_json(event.record)),
        keys=json.dumps([[key.kind, key.value] for key in event.keys]) if event.keys else "[]",
        correlation_id=event.correlation_id,
        signature=signature,
    )


def announce() -> None:
    """Say, after the commit, that there is something to interpret."""
    queues.ring_now(queues.INTAKE, "interpret")
    bell.ring_now(frozenset({"feed"}))
