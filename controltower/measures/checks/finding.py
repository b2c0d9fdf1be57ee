"""What a check is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

PATIENCE = timedelta(minutes=2)
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Span:
    """What to look at: all (`since` is None), or what has happened since then.

    `position` is where a check that goes through its rows in order had come to, "" at first.
    """

    now: datetime
    since: datetime | None = None
    position: str = ""

    @property
    def first_id(self) -> UUID:
        """The least time-ordered id that a row made in the span can have."""
        if self.since is None:
            return UUID(int=0)
        return UUID(int=int(self.since.timestamp() * 1000) << 80)

    @property
    def begin(self) -> datetime:
        """The earliest moment of the span."""
        return self.since or datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows were looked at, what breaks the rule, in which systems, and how far it came."""

    rows: int
    breaches: Sequence[str] = ()
    systems: frozenset[int] = frozenset()
    position: str = ""


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule in one sentence, and how to find what breaks it. `halts` says that the systems
    concerned must not be called on until a person has looked."""

    code: str
    title: str
    check: Callable[[Span], Found]
    halts: bool = False


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
