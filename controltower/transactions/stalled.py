"""Ends the database sessions of workers that have stopped without dying.

A frozen worker keeps its session, and with it the lines it drains and the rows it has locked: the
others would wait for as long as it sleeps. Once its leases have run out nothing of it is needed;
when it wakes it finds its session gone and begins anew.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import connection

from controltower.systems.models import System
from controltower.transactions import locks
from controltower.transactions.claiming import LEASE

log = logging.getLogger(__name__)

END = """
SELECT count(pg_terminate_backend(session.pid)) FROM pg_stat_activity session
WHERE session.datname = current_database() AND session.usename = current_user
  AND session.pid <> pg_backend_pid()
  AND session.state_change < clock_timestamp() - make_interval(secs => %(patience)s)
  AND (session.state = 'idle in transaction'
       OR session.state = 'idle' AND EXISTS (
           SELECT 1 FROM pg_locks lock
           WHERE lock.pid = session.pid AND lock.locktype = 'advisory' AND lock.granted
             AND (lock.classid::bigint << 32 | lock.objid::bigint) = ANY(%(lines)s)))
"""


def end_stalled(*, patience: timedelta = LEASE) -> int:
    """End sessions of ours that hold something and have been silent for so long; how many."""
    slugs = System.objects.values_list("connection", flat=True).distinct()
    with connection.cursor() as cursor:
        cursor.execute(
            END, {"patience": patience.total_seconds(), "lines": [locks.key(s) for s in slugs]}
        )
        (ended,) = cursor.fetchone()
    if ended:
        log.warning("%s sessions of stalled workers ended", ended)
    return int(ended)
