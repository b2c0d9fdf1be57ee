"""Advisory locks: they belong to a worker's session and end with it, even by kill -9.

A connection is held by one worker (`lines`). A sign is shown by as many as like to: a lock that
they share, so that whoever cannot have it alone sees that it is shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db import connection

WANTED, BEHIND = "lines are wanted", "steps are behind"
"""The names of signs."""
IS_SHOWN = """
SELECT CASE WHEN pg_try_advisory_lock(%(key)s) THEN NOT pg_advisory_unlock(%(key)s) ELSE true END
"""


def key(name: str) -> int:
    """The number of a lock."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")


def take(name: str) -> bool:
    """Whether the lock is ours alone now."""
    return _asked("SELECT pg_try_advisory_lock(%(key)s)", name)


def release(name: str) -> None:
    """Leave it to others."""
    _asked("SELECT pg_advisory_unlock(%(key)s)", name)


@dataclass(slots=True)
class Sign:
    """What workers tell each other for as long as it is so, and whether this one does."""

    name: str
    shown: bool = False

    def show(self) -> None:
        """Say so; perhaps only at the next try, while somebody looks."""
        if not self.shown:
            self.shown = _asked("SELECT pg_try_advisory_lock_shared(%(key)s)", self.name)

    def hide(self) -> None:
        """Say so no more."""
        if self.shown:
            _asked("SELECT pg_advisory_unlock_shared(%(key)s)", self.name)
            self.shown = False

    def forget(self) -> None:
        """The session is gone, and the sign with it."""
        self.shown = False

    def is_shown_by_others(self) -> bool:
        """Whether another worker says so."""
        return _asked(IS_SHOWN, self.name)


def _asked(question: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, {"key": key(name)})
        row = cursor.fetchone()
    return bool(row and row[0])
