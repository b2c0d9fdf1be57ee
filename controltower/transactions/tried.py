"""What was tried of a step before: asked once for all steps of a set that were claimed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from controltower.processes import editing
from controltower.transactions import amending, statements

TRIED = """
SELECT step_id, max(number), count(*) FILTER (WHERE state = 'sending'),
       min(started_at) FILTER (WHERE purpose = 'send'),
       count(*) FILTER (WHERE state IN ('failed_transient', 'unknown')
                              AND milliseconds IS NOT NULL AND ended_at >= deadline_at)
FROM transactions_attempt WHERE step_id = ANY(%s) GROUP BY step_id
"""


class Past(NamedTuple):
    """A step's earlier attempts: the last one's number, how many were left open, when its key was
    first used, and how many used up their time without an answer; and what people edited since."""

    last: int = 0
    left: int = 0
    key_since: datetime | None = None
    late: int = 0
    edits: Mapping[str, editing.Change] = MappingProxyType({})

    def with_one_more(self, now: datetime, *, sends: bool) -> Past:
        """The same once a call more is intended."""
        key_since = self.key_since or (now if sends else None)
        return self._replace(last=self.last + 1, left=0, key_since=key_since)


NOTHING = Past()
"""That of a step which is taken up for the first time."""


def before(steps: Sequence[UUID]) -> dict[UUID, Past]:
    """The past of each step that has one."""
    if not steps:
        return {}
    with statements.cursor() as cursor:
        cursor.execute(TRIED, [list(steps)])
        pasts = {step: Past(*past) for step, *past in cursor.fetchall()}
    for step, edits in amending.in_force(steps).items():
        pasts[step] = pasts.get(step, NOTHING)._replace(edits=edits)
    return pasts
