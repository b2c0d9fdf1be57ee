"""The database's clock, which all workers share.

A due time written by a worker whose own clock is wrong would put work off by as much.
"""

from __future__ import annotations

from datetime import datetime

from controltower.transactions import statements


def now() -> datetime:
    """This moment by the database, in UTC. Raises OperationalError while it is away."""
    with statements.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    assert isinstance(moment, datetime)
    return moment
