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
import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.models import Max
from django.db.transaction import atomic
from django.utils import timezone

from controltower.canonical.verdicts import Effect, Kind, Verdict
from controltower.mappings import versions
from controltower.mappings.apply import apply
from controltower.mappings.models import MappingVersion
from controltower.processes.definition import Refuse, Send, StepDefinition
from controltower.systems import calls, circuit
from controltower.systems.models import Call, System
from controltower.transactions import bell, engine, references, settlement
from controltower.transactions.facts import definitions, facts
from controltower.transactions.intent import Intent
from controltower.transactions.models import Attempt, Step, Transaction
from controltower.transactions.protocol import CLAIMABLE, Purpose, State, Tried, purpose_of

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
BATCH = 50

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
    now = timezone.now()
    claimed: list[UUID] = []
    for system in systems:
        allowed = circuit.allowance(system, BATCH, now)
        if allowed:
            claimed += claim([system.pk], allowed)
    claimed_at = monotonic()
    intents = [intent for step_id in claimed if (intent := prepare(step_id, now))]
    if intents and monotonic() - claimed_at + _longest(intents) < LEASE.total_seconds():
        verdicts = asyncio.run(_call(systems, intents))
        _settle(systems, intents, verdicts)
    return len(claimed)


def _longest(intents: Sequence[Intent]) -> float:
    return max(intent.system.deadline.total_seconds() for intent in intents)


def claim(systems: Sequence[int], limit: int) -> list[UUID]:
    """Claim due steps, oldest first, skipping what another worker holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM, {"lease": LEASE.total_seconds(), "systems": list(systems), "limit": limit}
        )
        return [row[0] for row in cursor.fetchall()]


def prepare(step_id: UUID, now: datetime) -> Intent | None:
    """Decide what to send and commit the intent; None when a rule or the key's order forbids."""
    try:
        with atomic():
            step = Step.objects.select_related("system", "mapping_version__mapping").get(pk=step_id)
            transaction = Transaction.objects.select_for_update().get(pk=step.transaction_id)
            step.refresh_from_db(fields=["state", "fence"])
            if step.state not in CLAIMABLE or transaction.is_over:
                return None
            return _intend(transaction, step, now)
    except IntegrityError:
        Step.objects.filter(pk=step_id, state__in=CLAIMABLE).update(
            due_at=now + timedelta(seconds=1), lease_until=None
        )
        return None


def _intend(transaction: Transaction, step: Step, now: datetime) -> Intent | None:
    known = facts(transaction, now)
    definition = definitions(transaction, known)[step.name]
    purpose = purpose_of(State(step.state), Effect(step.effect))
    prepared = definition.prepare(known)
    if not isinstance(prepared, Send):
        if purpose is not Purpose.SEND or step.state == State.UNKNOWN:
            prepared = Send(record=step.sent, ref=step.ref)
        else:
            engine.stop(transaction, step, prepared, now=now)
            engine.advance(transaction, now=now)
            return None
    record = step.values if purpose is Purpose.READ_BACK else _mapped(step, definition, prepared)
    if isinstance(record, Refuse):
        engine.stop(transaction, step, record, now=now)
        engine.advance(transaction, now=now)
        return None
    order = calls.Order(
        purpose=purpose.value,
        entity=step.entity,
        verb=step.verb,
        ref=prepared.ref or step.ref,
        record=record,
        find=prepared.find,
        company=transaction.entity.code if transaction.entity else "",
        key=references.idempotency_key(transaction.reference, step.name, step.generation),
        probe_first=definition.probe_first,
    )
    return _commit_intent(step, order, prepared, definition, now)


def _mapped(step: Step, definition: StepDefinition, prepared: Send) -> dict[str, object] | Refuse:
    """The target's record by the mapping version pinned at the first intent."""
    if not definition.mapping:
        return dict(prepared.record)
    if step.mapping_version is None:
        try:
            step.mapping_version = versions.active(definition.mapping)
        except MappingVersion.DoesNotExist:
            text = f"No version of the mapping “{definition.mapping}” is in force."
            return Refuse(Kind.CONTRACT, text)
    applied = apply(step.mapping_version.rules, prepared.record)
    if applied.gaps:
        gap = applied.gaps[0]
        text = f"{gap.text} (Mapping {step.mapping_version.mapping.title} "
        return Refuse(Kind.REFERENCE_MISSING, f"{text}v{step.mapping_version.number}.)", gap.field)
    return applied.record


def _commit_intent(
    step: Step, order: calls.Order, prepared: Send, definition: StepDefinition, now: datetime
) -> Intent:
    assert step.system is not None
    if order.purpose == Purpose.SEND:
        step.state, step.sent_at = State.SENDING, now
        step.sent = dict(prepared.record)
        step.idempotency_key, step.ordering_key = order.key, prepared.ordering
    step.changed_at = now
    step.save()
    last = step.attempts.aggregate(last=Max("number"))["last"] or 0
    payload = json.dumps(order.record, sort_keys=True, default=str)
    attempt = Attempt.objects.create(
        step=step,
        number=last + 1,
        purpose=order.purpose,
        state=Tried.SENDING,
        fence=step.fence,
        generation=step.generation,
        idempotency_key=order.key,
        mapping_version=step.mapping_version,
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        payload=order.record if order.purpose == Purpose.SEND else {},
        payload_digest=hashlib.sha256(payload.encode()).hexdigest(),
        started_at=now,
        deadline_at=now + step.system.deadline,
    )
    return Intent(step.pk, step.fence, attempt.pk, step.system, order, definition)


async def _call(systems: Sequence[System], intents: Sequence[Intent]) -> list[tuple[Verdict, int]]:
    """Make the calls together; only the connection's own limits hold them back."""
    async with calls.doors(systems) as doors:

        async def one(intent: Intent) -> tuple[Verdict, int]:
            began = monotonic()
            verdict = await doors[intent.system.pk].perform(intent.order)
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
    made: Sequence[tuple[Verdict, int]],
) -> None:
    now = timezone.now()
    by_system: dict[int, list[Verdict]] = {}
    rows = []
    for intent, (verdict, milliseconds) in zip(intents, made, strict=True):
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
    for intent, (verdict, milliseconds) in zip(intents, made, strict=True):
        settlement.settle(intent, verdict, milliseconds, now=timezone.now())
