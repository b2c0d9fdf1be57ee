"""Adds calls up by the day before they are forgotten: how long they took, and how many got lost."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from controltower.systems.models.call_paces import RATIO

ADD = """
INSERT INTO systems_callpace (day, grade, calls, lost)
SELECT (at AT TIME ZONE 'UTC')::date, floor(ln(greatest(milliseconds, 1)) / ln(%(ratio)s))::int,
       count(*), count(*) FILTER (WHERE NOT reached)
FROM systems_call WHERE id >= %(since)s::uuid AND id < %(until)s::uuid
GROUP BY 1, 2
ON CONFLICT (day, grade) DO UPDATE
SET calls = systems_callpace.calls + EXCLUDED.calls,
    lost = systems_callpace.lost + EXCLUDED.lost
"""


def add(*, since: UUID, until: UUID) -> None:
    """Add the calls from one id to before another. Each is added once: the caller keeps how far it
    has come in the same commit."""
    with connection.cursor() as cursor:
        cursor.execute(ADD, {"ratio": RATIO, "since": since, "until": until})
