"""Who listens: an audience is owed nothing while its parts are unknown here, and all that the books
hold once they are known.

Between the two stands a lock: a commit that has seen nobody listen is in the books before they are
read for those who begin to.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import OperationalError, connection
from django.db.transaction import atomic

from controltower.transactions import locks
from controltower.transactions.models import Listening, Untold

NAME = "who is told"
TOGETHER = "SELECT pg_advisory_xact_lock_shared(%(key)s)"
ALONE = "SELECT pg_advisory_xact_lock(%(key)s)"
PATIENCE = "SET LOCAL lock_timeout = '1s'"
"""Commits queue behind whoever waits to be alone: not for longer than that."""
OWE_ALL = """
INSERT INTO transactions_untold (audience, transaction_id)
SELECT %(audience)s, id FROM transactions_transaction
WHERE state = ANY(%(ends)s) AND process = ANY(%(processes)s) AND entity_id IS NOT NULL
  AND amount <> 0
ORDER BY ended_at, id
"""


def audiences() -> set[str]:
    """Who is told, for the commit under way. Needs a database transaction."""
    with connection.cursor() as cursor:
        cursor.execute(TOGETHER, {"key": locks.key(NAME)})
    return set(Listening.objects.values_list("audience", flat=True))


def begin(audience: str, *, ends: Collection[str], processes: Collection[str]) -> bool:
    """From now on it is told, and owed all that has come to one of the `ends` before; whether that
    could be noted, or is to be tried again."""
    try:
        with atomic(), connection.cursor() as cursor:
            cursor.execute(PATIENCE)
            cursor.execute(ALONE, {"key": locks.key(NAME)})
            _row, is_new = Listening.objects.get_or_create(audience=audience)
            if is_new:
                values: dict[str, Any] = {"ends": [*ends], "processes": [*processes]}
                cursor.execute(OWE_ALL, {"audience": audience, **values})
    except OperationalError:
        return False
    return True


def end(audience: str) -> None:
    """It is told nothing any more: who takes its place is owed all of the books."""
    with atomic():
        Listening.objects.filter(audience=audience).delete()
        Untold.objects.filter(audience=audience).delete()
