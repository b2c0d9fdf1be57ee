"""Drain what is due on one connection: claim → prepare → intent → call → settle.

1. Claim due steps in one statement: fence + 1, a lease on the database's clock.
2. Prepare each by its process rule and pinned mapping; a rule may refuse, skip or hold it.
3. Commit the intent: `sending`, key, payload digest, mapping version, deadline.
4. Make the calls together, outside any database transaction.
5. Settle each verdict under its fence (`settlement`).
One worker at a time drains a connection, so that its limits are kept; the lock dies with it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from uuid import UUID

from django.db import connection
from django.utils import timezone

from controltower.canonical.verdicts import Verdict
from controltower.systems import calls, circuit
from controltower.systems.models import Call, System
from controltower.transactions import bell, settlement
from controltower.transactions.intent import Intent
from controltower.transactions.preparation import prepare

__all__ = ["claim", "drain", "prepare"]
LEASE = timedelta(seconds=60)
BATCH = 50
Answer = tuple[Verdict, int] | None
"""A verdict and its milliseconds; None for a call that was not begun."""

CLAIM = """
UPDATE transactions_step
SET fence = fence + 1, lease_until = now() + make_interval(secs => %(lease)s)
WHERE id IN (
    SELECT step.id FROM transactions_step step
    WHERE step.system_id = ANY(%(systems)s)
      AND step.state IN ('scheduled', 'unknown', 'acked')
      AND step.due_at <= now()
      AND (step.lease_until IS NULL OR step.lease_until < now())
      AND (step.ordering_key = '' OR step.state <> 'scheduled' OR NOT EXISTS (
          SELECT 1 FROM transactions_step other
          WHERE other.system_id = step.system_id AND other.ordering_key = step.ordering_key
            AND other.id <> step.id AND other.state IN ('sending', 'unknown')))
    ORDER BY step.due_at, step.id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def drain(slug: str, *, budget: timedelta = timedelta(seconds=20)) -> int:
    """Play due steps of a connection until none is due or the time is up; returns the calls."""
    started, made = monotonic(), 0
    with _alone(slug) as alone:
        while alone and monotonic() - started < budget.total_seconds():
            systems = list(System.objects.filter(connection=slug, active=True))
            count = _round(systems)
            made += count
            if not count:
                break
    return made


@contextmanager
def _alone(slug: str) -> Iterator[bool]:
    """Hold the connection's advisory lock; the session's end releases it, even by kill -9."""
    key = int.from_bytes(hashlib.blake2b(slug.encode(), digest_size=7).digest(), "big")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        row = cursor.fetchone()
    held = bool(row and row[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _round(systems: Sequence[System]) -> int:
    """One claim and all that follows from it; returns how many steps were taken up."""
    now, until = timezone.now(), monotonic() + LEASE.total_seconds()
    claimed: list[UUID] = []
    for system in systems:
        allowed = circuit.allowance(system, BATCH, now)
        if allowed:
            claimed += claim([system.pk], allowed)
    intents = [intent for step_id in claimed if (intent := prepare(step_id, now))]
    if intents:
        _settle(systems, intents, asyncio.run(_call(systems, intents, until)))
    return len(claimed)


def claim(systems: Sequence[int], limit: int) -> list[UUID]:
    """Claim due steps, oldest first, skipping what another worker holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM, {"lease": LEASE.total_seconds(), "systems": list(systems), "limit": limit}
        )
        return [row[0] for row in cursor.fetchall()]


async def _call(systems: Sequence[System], intents: Sequence[Intent], until: float) -> list[Answer]:
    """Make the calls together; only the connection's own limits hold them back. None is begun
    that could outlive the lease."""
    async with calls.doors(systems) as doors:

        async def one(intent: Intent) -> Answer:
            began = monotonic()
            try:
                verdict = await doors[intent.system.pk].perform(intent.order, until)
            except calls.TooLate:
                return None
            return verdict, round((monotonic() - began) * 1000)

        made = await asyncio.gather(*(one(intent) for intent in intents))
        for door in doors.values():
            quota = door.quota()
            if quota.used is not None:
                door.system.quota_used, door.system.quota_limit = quota.used, quota.limit
    return list(made)


def _settle(
    systems: Sequence[System],
    intents: Sequence[Intent],
    made: Sequence[Answer],
) -> None:
    now = timezone.now()
    by_system: dict[int, list[Verdict]] = {}
    rows = []
    for intent, answer in zip(intents, made, strict=True):
        if answer is None:
            continue
        verdict, milliseconds = answer
        by_system.setdefault(intent.system.pk, []).append(verdict)
        name = type(verdict).__name__.lower()
        rows.append(
            Call(
                system=intent.system,
                at=now,
                operation=f"{intent.order.purpose} {intent.order.verb} {intent.order.entity}",
                milliseconds=milliseconds,
                verdict=name,
                reached=circuit.reached(verdict),
            )
        )
    Call.objects.bulk_create(rows)
    for system in systems:
        if by_system.get(system.pk) and system.quota_used is not None:
            System.objects.filter(connection=system.connection).update(
                quota_used=system.quota_used, quota_limit=system.quota_limit
            )
        if circuit.note(system, by_system.get(system.pk, ()), now):
            settlement.circuit_changed(system, now)
            bell.ring("systems", "tower")
    for intent, answer in zip(intents, made, strict=True):
        if answer is None:
            settlement.withdraw(intent, now=timezone.now())
        else:
            settlement.settle_whatever_came(intent, *answer, now=timezone.now())
