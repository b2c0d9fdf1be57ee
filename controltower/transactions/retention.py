"""Growth and age of the logs: partitions are made ahead and put away, by one table of policy.

A log is append-only and cut along its UUIDv7 ids (decision 0011). The database functions that cut
it run with the rights of the tables' owner; what they put away is written into the audit chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.conf import settings
from django.db import connection
from django.db.transaction import atomic

from controltower.firm import audit, keeping


@dataclass(frozen=True, slots=True)
class Log:
    """A table that is cut by "month" or "day", and what becomes of its oldest parts.

    `kept` is how long, None for ever; what is older is archived, or gone when it is a mere trace.
    """

    table: str
    unit: str
    ahead: timedelta
    kept: timedelta | None
    destroyed: bool = False


QUARTER = timedelta(days=92)
NOTHING_AGREED: Mapping[str, timedelta] = MappingProxyType({})


def in_force() -> tuple[Log, ...]:
    """Every log there is, kept for as long as was agreed upon, or else set."""
    return policy(keeping.agreed())


def policy(agreed: Mapping[str, timedelta] = NOTHING_AGREED) -> tuple[Log, ...]:
    """The same with what was agreed upon."""
    timeline = agreed.get(keeping.TIMELINE, settings.KEEP_TIMELINE)
    attempts = agreed.get(keeping.ATTEMPTS, settings.KEEP_ATTEMPTS)
    return (
        Log("transactions_timelineentry", "month", QUARTER, timeline),
        Log("transactions_attempt", "month", QUARTER, attempts),
        Log("systems_call", "day", timedelta(days=14), timedelta(days=2), destroyed=True),
    )


def keep(*, now: datetime) -> Sequence[str]:
    """Make what is missing ahead and put away what is past its time; returns what was put away.

    Safe to repeat. Raises OperationalError when a table stays busy for three seconds: nothing has
    changed then, and the next round does it.
    """
    gone: list[str] = []
    for log in in_force():
        _make_ahead(log, now)
        gone += _put_away(log, now)
    return gone


def _make_ahead(log: Log, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT log_ahead(%s, %s, %s, %s)", [log.table, log.unit, now, now + log.ahead]
        )
        if cursor.fetchone()[0]:
            cursor.execute("SELECT log_analyse(%s)", [log.table])


def _put_away(log: Log, now: datetime) -> list[str]:
    if log.kept is None:
        return []
    with atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT log_put_away(%s, %s, %s)", [log.table, now - log.kept, log.destroyed]
        )
        parts = [str(part) for (part,) in cursor.fetchall()]
        for part in parts:
            audit.record(
                actor="tower",
                verb="destroy log" if log.destroyed else "archive log",
                subject=part,
                allowed=True,
                now=now,
                detail={"kept_days": log.kept.days},
            )
    return parts


@dataclass(frozen=True, slots=True)
class Part:
    """One partition as it is on disk; `rows` is the planner's estimate."""

    name: str
    rows: int
    bytes: int


def parts(log: Log) -> Sequence[Part]:
    """The partitions of a log, oldest first; the spare one, which should be empty, last."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
               FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = %s::regclass ORDER BY c.relname""",
            [log.table],
        )
        return [Part(*row) for row in cursor.fetchall()]
