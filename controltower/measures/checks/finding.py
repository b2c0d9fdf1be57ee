"""What a check is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

PATIENCE = timedelta(minutes=2)
MOST_SHOWN = 20


FIRST, LAST = UUID(int=0), UUID(int=(1 << 128) - 1)
WITHIN = "tx.id > %(after)s AND tx.id <= %(upto)s"
TOUCHED = """tx.id IN (
    SELECT id FROM transactions_transaction
    WHERE state IN ('accepted', 'in_progress', 'waiting', 'delivered', 'dead_lettered')
      AND changed_at >= %(since)s
    UNION ALL
    SELECT id FROM transactions_transaction WHERE state = 'verified' AND ended_at >= %(since)s)"""
"""Along the indexes of what is live and of what has arrived."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of a table behind one time-ordered id, up to and with another."""

    after: UUID = FIRST
    upto: UUID = LAST


@dataclass(frozen=True, slots=True)
class Span:
    """What to look at: a slice of the books (all of them, unless said otherwise), or with `since`
    what has been made, moved or verified since then.

    `position` is where a check that goes through its rows in order had come to, "" at first.
    """

    now: datetime
    since: datetime | None = None
    slice: Slice = Slice()
    position: str = ""

    @property
    def transactions(self) -> str:
        """The condition on the transactions `tx`; `values` fills it."""
        return TOUCHED if self.since else WITHIN

    @property
    def values(self) -> dict[str, Any]:
        """For the conditions: the moment, and the ids of what is looked at or was made since."""
        after = id_at(self.since) if self.since else self.slice.after
        return {"since": self.since, "after": after, "upto": self.slice.upto}


def id_at(moment: datetime) -> UUID:
    """The least time-ordered id that a row made then can have."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def made_at(row: UUID) -> datetime:
    """When a row with this time-ordered id was made."""
    return datetime.fromtimestamp((row.int >> 80) / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows were looked at, what breaks the rule, in which systems, and how far it came:
    "" when nothing is left to look at."""

    rows: int
    breaches: Sequence[str] = ()
    systems: frozenset[int] = frozenset()
    position: str = ""

    def and_also(self, other: Found) -> Found:
        """Both together; what both have found is told once. The other's position is kept."""
        breaches = list(dict.fromkeys([*self.breaches, *other.breaches]))[:MOST_SHOWN]
        systems = self.systems | other.systems
        return Found(self.rows + other.rows, breaches, systems, other.position)


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule in one sentence, and how to find what breaks it. `halts` says that the systems
    concerned must not be called on until a person has looked.

    `table` is the one that is looked through in slices; without it each look is at everything, or
    goes on by its own position. `lately` says that a look never is at more than the last day.
    """

    code: str
    title: str
    check: Callable[[Span], Found]
    halts: bool = False
    table: str = ""
    lately: bool = False


def rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def number(sql: str, **values: Any) -> int:
    """What a counting query finds."""
    return int(rows(sql, **values)[0][0])


def told(found: Sequence[Sequence[Any]]) -> list[str]:
    """Rows in words."""
    return [" · ".join(str(value) for value in row) for row in found[:MOST_SHOWN]]
