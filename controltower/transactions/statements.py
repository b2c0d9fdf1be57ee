"""The engine's own statements: their values are bound by the server, and they stay prepared, since
planning one for a few rows takes ten times as long as playing it.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Self

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

PREPARED_AFTER = 2
"""Executions in one session after which a statement stays prepared."""
PLANNED_FOR = 15
"""Seconds after which it is planned anew: a plan that was made while its table was small reads all
of it later."""


def cursor() -> CursorWrapper:
    """A cursor whose answers are binary. Django's own writes the values into each statement, so
    that none is like the one before, and reads every time and document by itself."""
    connection.ensure_connection()
    plain: Any = _Cursor(connection.connection)
    plain.format = Format.BINARY
    if connection.queries_logged:
        return connection.make_debug_cursor(plain)
    return connection.make_cursor(plain)


class _Cursor(psycopg.Cursor[Any]):
    """Prepares what it executes. A statement bears the time in which it was planned, so that it is
    another one afterwards; the driver forgets the oldest. It is told to prepare only for as long:
    else it would remember the texts of all of Django's."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Play one statement."""
        self.connection.prepare_threshold = PREPARED_AFTER
        try:
            return super().execute(f"{query} -- {_present()}", params, **options)
        finally:
            self.connection.prepare_threshold = None


def _present() -> int:
    return int(monotonic() / PLANNED_FOR)
