"""The bodies of received events are removed by policy, for they hold what others may not want kept.

What was received stays: its name, from whom, when, its SHA-256, what was read from it and what
became of it. A body goes when nobody has to read it any more and all that rests on it has ended. A
set at a time, each a database transaction of its own: killed in between, the next round goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet, Sum
from django.db.transaction import atomic

from controltower.firm import audit, keeping, policies
from controltower.firm.models import AuditEntry, PolicyVersion
from controltower.processes import catalogue
from controltower.systems.models import Recovery
from controltower.transactions.models import TERMINAL, EventState, InboundEvent, Removal
from controltower.transactions.models.events import READ

SET, SETS = 2_000, 25
"""How many bodies go at once, and how many sets in one round."""
MOST_COUNTED = 1_000
VERB = "remove bodies"

PAST = """
SELECT event.id, event.received_at FROM transactions_inboundevent event
WHERE event.state IN ('accepted', 'rejected', 'duplicate', 'superseded')
  AND event.removal_id IS NULL
  AND event.received_at < %(before)s AND (event.received_at, event.id) > (%(at)s, %(id)s)
  AND encode(sha256(event.raw), 'hex') = event.digest
  AND NOT EXISTS (
    SELECT FROM transactions_item item
    JOIN transactions_transaction tx ON tx.id = item.transaction_id
    WHERE item.event_id = event.id AND tx.state <> ALL(%(ends)s))
  AND NOT EXISTS (
    SELECT FROM transactions_item item
    JOIN transactions_transaction tx ON tx.id = item.transaction_id
    WHERE item.process = ANY(%(processes)s) AND item.source = event.source
      AND item.source_id = event.record->>'source_id' AND tx.state <> ALL(%(ends)s))
ORDER BY event.received_at, event.id LIMIT %(most)s FOR UPDATE OF event SKIP LOCKED
"""
"""Old bodies whose record no transaction works on any more, whichever version of it the
transaction has. One that is not what was received is evidence, and stays (I9 tells of it)."""
LEFT = """
SELECT encode(sha256(convert_to(string_agg(
    concat_ws(' ', id, digest, encode(sha256(convert_to(record::text, 'UTF8')), 'hex')),
    E'\\n' ORDER BY id), 'UTF8')), 'hex')
FROM transactions_inboundevent WHERE removal_id = %s
"""
"""What is left of a set's events, as one hash: their names, fingerprints and records."""


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long bodies are kept, and by which version of the policy; None: as it was set."""

    length: timedelta
    version: PolicyVersion | None


def kept() -> Kept | None:
    """By what bodies are removed now; None when they are kept for ever."""
    agreed = policies.of_kind(keeping.KIND).get(keeping.BODIES)
    if agreed is not None:
        return Kept(keeping.length_of(agreed), agreed)
    return Kept(settings.KEEP_RAW, None) if settings.KEEP_RAW else None


def remove(*, now: datetime, sets: int = SETS) -> int:
    """Remove bodies that are past their time, so many sets of them at most; returns how many. In
    recovery nothing goes: the books are not known to be those of today."""
    by, gone = kept(), 0
    if by is None or Recovery.objects.open().exists():
        return 0
    after = datetime.min.replace(tzinfo=now.tzinfo), UUID(int=0)
    for _set in range(sets):
        found = _remove_set(by, after, now)
        gone += len(found)
        if len(found) < SET:
            break
        last, received = found[-1]
        after = received, last
    return gone


def _remove_set(
    by: Kept, after: tuple[datetime, UUID], now: datetime
) -> Sequence[tuple[UUID, datetime]]:
    with atomic():
        found = _past(by, after, now)
        if not found:
            return found
        removal = Removal.objects.create(
            at=now,
            kept_days=by.length.days,
            version=by.version,
            bodies=len(found),
            received_until=found[-1][1],
        )
        rows = InboundEvent.objects.filter(pk__in=[pk for pk, _received in found])
        rows.update(raw=None, removal=removal)
        _record(removal, now)
    return found


def _past(by: Kept, after: tuple[datetime, UUID], now: datetime) -> list[tuple[UUID, datetime]]:
    values: dict[str, Any] = {
        "ends": list(TERMINAL),
        "before": now - by.length,
        "at": after[0],
        "id": after[1],
        "processes": [process.name for process in catalogue.PROCESSES],
        "most": SET,
    }
    with connection.cursor() as cursor:
        cursor.execute(PAST, values)
        return [(pk, received) for pk, received in cursor.fetchall()]


def _record(removal: Removal, now: datetime) -> None:
    detail: dict[str, Any] = {
        "count": removal.bodies,
        "until": removal.received_until.isoformat(),
        "kept_days": removal.kept_days,
        "digest": what_is_left(removal),
    }
    if removal.version is not None:
        detail["version"] = removal.version.number
    audit.record(
        actor="tower", verb=VERB, subject=str(removal), allowed=True, now=now, detail=detail
    )


def what_is_left(removal: Removal) -> str:
    """The hash over what a removal left, which the audit chain has kept since."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT, [removal.pk])
        return str(cursor.fetchone()[0])


def sealed(removal: Removal) -> str:
    """The same as the audit chain has it; "" when it has nothing of it."""
    entry = AuditEntry.objects.filter(subject=str(removal), verb=VERB).order_by("id").first()
    return str(entry.detail["digest"]) if entry else ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What has become of bodies so far. Older than agreed, and kept all the same, are those of
    events that were set aside and those of what is under way (a thousand are counted of each)."""

    removed: int
    last: Removal | None
    set_aside: int
    under_way: int


def standing(now: datetime) -> Standing:
    """How many were removed, and how many are kept for longer than agreed."""
    by = kept()
    removed = Removal.objects.aggregate(sum=Sum("bodies"))["sum"] or 0
    if by is None:
        return Standing(removed, Removal.objects.last(), 0, 0)
    old = InboundEvent.objects.filter(received_at__lt=now - by.length).order_by()
    return Standing(
        removed,
        Removal.objects.last(),
        _counted(old.filter(state=EventState.QUARANTINED)),
        _counted(old.filter(state__in=READ, removal=None)),
    )


def _counted(events: QuerySet[InboundEvent]) -> int:
    return len(events.values_list("pk")[:MOST_COUNTED])
