"""I1, I2, I9: every event is accounted for, and what was read from it still follows from it."""

from __future__ import annotations

import hashlib
from typing import Any

from controltower.canonical import records, schema, strict_json
from controltower.canonical.rules import apply
from controltower.canonical.wire import from_json, to_json
from controltower.measures.checks.finding import PATIENCE, Found, Span, number, rows, told
from controltower.processes import catalogue
from controltower.systems import contracts
from controltower.systems.models import System
from controltower.transactions import bodies, intake
from controltower.transactions.models import Attempt, EventState, InboundEvent, Removal

MOST_REDERIVED, MOST_SETS = 500, 5

UNREAD = """
WITH front AS MATERIALIZED (
    SELECT received_at, due_at FROM transactions_inboundevent
    WHERE state <> 'received' AND deaths > 0 ORDER BY id DESC LIMIT 1)
SELECT source, event_id FROM transactions_inboundevent event
WHERE state = 'received' AND received_at < %(late)s AND NOT EXISTS (
    SELECT FROM front WHERE front.due_at > %(late)s
      AND event.received_at > front.received_at - %(patience)s)
ORDER BY received_at LIMIT 20
"""
"""Events that have waited for long, but for those in their turn: something was taken up lately, and
nothing that came so much later has been read before them."""
SEEN = """
SELECT count(*) FROM transactions_inboundevent WHERE id > %(after)s AND id <= %(upto)s
"""
SILENT = """
SELECT event.source, event.event_id FROM transactions_inboundevent event
WHERE event.id > %(after)s AND event.id <= %(upto)s
  AND event.state = 'accepted' AND event.reason = ''
  AND NOT EXISTS (SELECT 1 FROM transactions_item item
                  WHERE item.process = ANY(%(processes)s) AND item.source = event.source
                    AND item.source_id = event.record->>'source_id')
LIMIT 20
"""
ACCOUNTED = """
SELECT event.source, coalesce(told.entity, '-'), count(*), count(class)
FROM transactions_inboundevent event
LEFT JOIN LATERAL (
    SELECT tx.state, entity.code AS entity FROM transactions_item item
    JOIN transactions_transaction tx ON tx.id = item.transaction_id
    LEFT JOIN firm_legalentity entity ON entity.id = tx.entity_id
    WHERE item.process = ANY(%(processes)s) AND item.source = event.source
      AND item.source_id = event.record->>'source_id'
    ORDER BY tx.started_at LIMIT 1) told ON true
CROSS JOIN LATERAL (SELECT CASE
    WHEN event.state = 'received' THEN 'live'
    WHEN event.state IN ('quarantined', 'rejected') THEN 'in doubt'
    WHEN event.state IN ('superseded', 'duplicate') THEN 'superseded'
    WHEN told.state = 'verified' THEN 'done'
    WHEN told.state IN ('resolved_externally', 'written_off', 'cancelled') THEN 'done'
    WHEN told.state = 'superseded' THEN 'superseded'
    WHEN told.state = 'dead_lettered' THEN 'failed'
    WHEN told.state IS NOT NULL THEN 'live'
    WHEN event.reason <> '' THEN 'done' END AS class) sorted
WHERE event.id > %(after)s AND event.id <= %(upto)s
GROUP BY 1, 2
"""


def _processes() -> list[str]:
    return [process.name for process in catalogue.PROCESSES]


def in_one_state(span: Span) -> Found:
    """I1: an accepted event feeds a transaction or says why not; none is left unread."""
    late = rows(UNREAD, late=span.now - PATIENCE, patience=PATIENCE)
    silent = rows(SILENT, processes=_processes(), **span.values)
    return Found(number(SEEN, **span.values), told([*late, *silent]))


def accounted_for(span: Span) -> Found:
    """I2: events in = done + failed + in doubt + live + superseded, per source and entity."""
    sums = rows(ACCOUNTED, processes=_processes(), **span.values)
    short = [row for row in sums if row[2] != row[3]]
    return Found(sum(row[2] for row in sums), told(short))


def re_derivable(span: Span) -> Found:
    """I9: the canonical record follows from the bytes that were received, and what was sent
    follows from the canonical record by the mapping version noted; of a row that could not be read
    there is no record. What is left of bodies that were removed is what the audit chain has sealed
    then. Goes through all in order, some at a time, and begins anew at the end."""
    last_event, last_attempt, last_removal = (*span.position.split(" "), "", "", "")[:3]
    events = InboundEvent.objects.order_by("id").exclude(state=EventState.QUARANTINED)
    events = events.exclude(type=intake.UNREAD)
    sends = (
        Attempt.objects.filter(purpose="send", mapping_version__isnull=False)
        .select_related("step", "mapping_version")
        .order_by("id")
    )
    chosen = list((events.filter(id__gt=last_event) if last_event else events)[:MOST_REDERIVED])
    sent = list((sends.filter(id__gt=last_attempt) if last_attempt else sends)[:MOST_REDERIVED])
    gone = list(Removal.objects.filter(pk__gt=int(last_removal or 0))[:MOST_SETS])
    wrong = [f"{e.source} · {e.event_id} · {why}" for e in chosen if (why := _differs(e))]
    wrong += [f"{a.idempotency_key} · {why}" for a in sent if (why := _was_sent_otherwise(a))]
    wrong += [f"{one} · what is left is not what was sealed" for one in gone if _was_changed(one)]
    is_end = max(len(chosen), len(sent)) < MOST_REDERIVED and len(gone) < MOST_SETS
    place = " ".join(
        (
            str(chosen[-1].pk) if chosen else last_event,
            str(sent[-1].pk) if sent else last_attempt,
            str(gone[-1].pk) if gone else last_removal,
        )
    )
    return Found(len(chosen) + len(sent), wrong[:20], position="" if is_end else place)


def _was_changed(removal: Removal) -> bool:
    return bodies.what_is_left(removal) != bodies.sealed(removal)


def _differs(event: InboundEvent) -> str:
    """Why an event's record does not follow from its bytes, or "". What the record's kind has got
    since then is as the tower reads it today: as not told. Of a body that was removed its seal
    tells."""
    if event.raw is None:
        return ""
    raw = event.body
    if hashlib.sha256(raw).hexdigest() != event.digest:
        return "the bytes are not those received"
    readings = _read_again(event, raw)
    if not readings:
        return ""
    kept = to_json(from_json(getattr(records, event.record_kind), event.record))
    names = [
        [name for name, value in again.items() if kept.get(name) != value] for again in readings
    ]
    return f"{', '.join(sorted(names[0])[:5])} cannot be derived" if all(names) else ""


def _read_again(event: InboundEvent, raw: bytes) -> list[dict[str, Any]]:
    """The record as the bytes give it, by each way in which they have been read here; nothing where
    nobody here can read them."""
    if event.signature == "webhook":
        body = raw.rpartition(b"\r\n\r\n")[2]
        content = strict_json.decode(body)
        data = content if len(body) < len(raw) else content["data"]
        kind, says = schema.ACCEPTED[event.type]
        return [dict(to_json(from_json(kind, {**says, **data})))]
    connection, _, entity = event.source.partition("/")
    wanted = getattr(records, event.record_kind, None)
    for system in System.objects.filter(connection=connection):
        found = contracts.readings(system, entity, raw)
        if told_as := [dict(to_json(one)) for one in found if type(one) is wanted]:
            return told_as
    return []


def _was_sent_otherwise(attempt: Attempt) -> str:
    """Why what was sent does not follow from the step's record, or "". The record is the last
    send's, so that only the last send of a step can be asked about."""
    step, version = attempt.step, attempt.mapping_version
    later = step.attempts.filter(purpose="send", number__gt=attempt.number)
    if version is None or not step.sent or later.exists():
        return ""
    mapped = to_json(apply(version.rules, step.sent).record)
    names = [name for name, value in mapped.items() if attempt.payload.get(name) != value]
    return f"{', '.join(sorted(names)[:5])} does not follow" if names else ""
