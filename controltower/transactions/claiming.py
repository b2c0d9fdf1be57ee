"""Claim due steps: fence + 1 and a lease on the database's clock, in one statement for many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from controltower.canonical.verdicts import Effect
from controltower.transactions import statements
from controltower.transactions.protocol import CLAIMABLE, IN_DOUBT, Purpose, purpose_of
from controltower.transactions.resolver import UNDECIDED, UNDER_WAY

LEASE = timedelta(seconds=60)
SHARE_OF_OTHERS = 8
"""In a surge, one claim in so many is left to what the surge is not about."""
ASKING = ", ".join(
    sorted(
        f"('{state}', '{effect}')"
        for state in CLAIMABLE
        for effect in Effect
        if effect is Effect.READ or purpose_of(state, effect) is not Purpose.SEND
    )
)
"""Positions of a step in which it only asks its target, by the protocol's own table."""
MAY_GO = f"""(
    NOT EXISTS (SELECT FROM systems_recovery WHERE ended_at IS NULL)
    OR (step.state, step.effect) IN ({ASKING}))"""
"""In recovery mode nothing is sent: what may be written already is asked for."""


def _listed(states: Collection[str]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


STANDS_BEFORE = f"""(
    other.state IN ({_listed(UNDER_WAY)})
    OR (other.kind = '{IN_DOUBT}' AND other.state IN ({_listed(UNDECIDED)})
        AND step.kind <> '{IN_DOUBT}'))"""
"""`resolver.stands_before`, of another step that was sent."""

BEFORE_OTHERS = """EXISTS (
          SELECT FROM transactions_transaction its
          JOIN firm_surge surge ON surge.entity_id = its.entity_id
            AND its.month <> '' AND its.month <= surge.month
          WHERE its.id = step.transaction_id AND surge.ended_at IS NULL
            AND surge.began_at <= now() AND surge.ends_at > now())"""
"""A step that moves money in a month which a surge is about."""


def _claiming(only: str) -> str:
    """A sub-select in place of `mine` may be asked again for every row: more than the limit. Of one
    system, since only then the index gives them in their order, and no backlog is sorted."""
    return f"""
WITH mine AS MATERIALIZED (
    SELECT step.id FROM transactions_step step
    WHERE step.system_id = %(system)s::bigint
      AND step.state IN ('scheduled', 'unknown', 'acked')
      AND step.due_at <= now()
      AND (step.lease_until IS NULL OR step.lease_until < now())
      AND {MAY_GO}
      AND (step.ordering_key = '' OR step.state <> 'scheduled' OR NOT EXISTS (
          SELECT 1 FROM transactions_step other
          WHERE other.system_id = step.system_id AND other.ordering_key = step.ordering_key
            AND other.ordering_key <> '' AND other.id <> step.id AND other.sent_at IS NOT NULL
            AND {STANDS_BEFORE}))
      AND {only}
    ORDER BY step.due_at, step.id
    LIMIT %(limit)s::bigint
    FOR UPDATE SKIP LOCKED)
UPDATE transactions_step claimed
SET fence = claimed.fence + 1, lease_until = now() + make_interval(secs => %(lease)s::float8)
FROM mine WHERE claimed.id = mine.id
RETURNING claimed.id, claimed.transaction_id, claimed.fence
"""  # noqa: S608 - our own words only


CLAIM, CLAIM_FIRST = _claiming("TRUE"), _claiming(BEFORE_OTHERS)

GIVE_BACK = """
UPDATE transactions_step
SET lease_until = NULL, due_at = now() + make_interval(secs => %(after)s::float8)
FROM unnest(%(ids)s::uuid[], %(fences)s::int[]) AS mine(id, fence)
WHERE transactions_step.id = mine.id AND transactions_step.fence = mine.fence
  AND state IN ('scheduled', 'unknown', 'acked')
"""


class Claim(NamedTuple):
    """A step that is ours while its fence is this and its lease lasts: at least `until` (monotonic
    seconds), counted from before it was taken."""

    step_id: UUID
    transaction_id: UUID
    fence: int
    until: float


def claim(system: int, limit: int, *, surging: bool = False) -> list[Claim]:
    """Claim due steps of a system, oldest first, skipping what another worker holds. In a surge
    the months that it is about go first, though a share is left to everything else."""
    first = _claim(CLAIM_FIRST, system, limit - limit // SHARE_OF_OTHERS) if surging else []
    return first + _claim(CLAIM, system, limit - len(first))


def _claim(statement: str, system: int, limit: int) -> list[Claim]:
    lease = LEASE.total_seconds()
    until = monotonic() + lease
    with statements.cursor() as cursor:
        cursor.execute(statement, {"lease": lease, "system": system, "limit": limit})
        found = cursor.fetchall()
    return [Claim(step, owner, fence, until) for step, owner, fence in found]


def give_back(claims: Sequence[Claim], *, after: timedelta) -> None:
    """Leave steps to be claimed again after a while, as though they had not been."""
    if not claims:
        return
    ids, fences = [one.step_id for one in claims], [one.fence for one in claims]
    with statements.cursor() as cursor:
        cursor.execute(GIVE_BACK, {"ids": ids, "fences": fences, "after": after.total_seconds()})
