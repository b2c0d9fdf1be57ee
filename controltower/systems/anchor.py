"""Notice by ourselves that the database is older than what we have done.

The database counts (`Anchor`), and after each commit the count is written outside of it: into Redis
and, where one is set, a file. Whoever finds the count outside ahead of the database, or the
database on another server or timeline, begins recovery mode: however it was restored, nobody has
to remember to say so.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError, connection
from django.db.transaction import atomic

from controltower import queues
from controltower.systems.models import Anchor, Recovery

log = logging.getLogger(__name__)
KEY = "controltower:anchor"
CLUSTER = """
SELECT system_identifier || '.' || (SELECT oid FROM pg_database WHERE datname = current_database())
       || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
FROM pg_control_system()
"""
"""The server's identity, the database's, and the timeline, which every restore to a moment and
every failover begins anew."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database had come; `at` by its own clock, ISO 8601, UTC."""

    identity: str
    number: int
    at: str


def older(inside: Mark | None, outside: Mark | None, *, was_on: str, is_on: str) -> str:
    """Why the database must be older than what was done, in words, or "" when nothing says so."""
    if inside is None:
        return "The database is new, but a tower has worked here before." if outside else ""
    if was_on and is_on and was_on != is_on:
        return "The database was brought to another server, or restored to an earlier moment."
    if outside is None:
        return ""
    if outside.identity != inside.identity:
        return "Another database stood here before." if outside.at > inside.at else ""
    if outside.number > inside.number:
        return "The database is older than what the tower has last written."
    return ""


def watch(now: datetime) -> None:
    """Begin recovery mode when the database proves to be older than what was done."""
    row, outside, is_on = Anchor.objects.first(), _outside(), _cluster()
    if row is None and outside is None:
        return
    why = older(_of(row), outside, was_on=row.cluster if row else "", is_on=is_on)
    if not why:
        return
    known = max(row.number if row else 0, outside.number if outside else 0)
    begin(why=why, restore_point=row.marked_at if row else None, now=now)
    _raise(known + 1, is_on, now)


def mark(now: datetime) -> None:
    """Count on, here and outside, once it is certain that the database is not an older one."""
    watch(now)
    row = Anchor.objects.first()
    _raise((row.number if row else 0) + 1, _cluster(), now)


def begin(*, why: str, restore_point: datetime | None, now: datetime) -> None:
    """Enter recovery mode; a recovery that is under way goes on from the older restore point."""
    with suppress(IntegrityError), atomic():
        Recovery.objects.create(began_at=now, restore_point=restore_point, why=why[:300])
        log.warning("recovery mode: %s", why)
        return
    Recovery.objects.open().update(began_at=now, read_at=None)


def _raise(number: int, cluster: str, now: datetime) -> None:
    with atomic():
        row, _made = Anchor.objects.select_for_update().get_or_create(
            pk=1, defaults={"marked_at": now}
        )
        row.number, row.marked_at = max(number, row.number + 1), now
        row.cluster = cluster or row.cluster
        row.save()
    _write(_of(row))


def _of(row: Anchor | None) -> Mark | None:
    return Mark(str(row.identity), row.number, row.marked_at.isoformat()) if row else None


def _cluster() -> str:
    """Which server and timeline this is; "" where the server does not say."""
    try:
        with atomic(), connection.cursor() as cursor:
            cursor.execute(CLUSTER)
            return str(cursor.fetchone()[0])
    except OperationalError:
        raise
    except DatabaseError:
        return ""


def _outside() -> Mark | None:
    """The farthest mark that is kept outside of the database."""
    found = [mark for text in (_from_redis(), _from_file()) if (mark := _read(text))]
    return max(found, key=lambda mark: mark.at, default=None)


def _read(text: str | bytes) -> Mark | None:
    with suppress(ValueError, TypeError):
        told: dict[str, Any] = json.loads(text)
        return Mark(**told)
    return None


def _from_redis() -> str | bytes:
    with suppress(redis.RedisError):
        kept = queues.connection().get(KEY)
        return kept if isinstance(kept, bytes) else ""
    return ""


def _from_file() -> str:
    if settings.ANCHOR is None:
        return ""
    with suppress(OSError, UnicodeDecodeError):
        return str(settings.ANCHOR.read_text())
    return ""


def _write(reached: Mark | None) -> None:
    """Keep a mark outside; either place may be away, and the other one serves."""
    assert reached is not None
    text = json.dumps(asdict(reached))
    with suppress(redis.RedisError):
        queues.connection().set(KEY, text)
    if settings.ANCHOR is None:
        return
    try:
        descriptor, name = tempfile.mkstemp(dir=settings.ANCHOR.parent, prefix=".anchor.")
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(name).replace(settings.ANCHOR)
    except OSError as error:
        log.warning("anchor not written: %s", error)
