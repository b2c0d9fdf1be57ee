"""Finds what nobody is moving and moves it: the tower recovers from an emptied Redis by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import OperationalError, connection
from django.db.models import Q
from django.db.transaction import atomic

from controltower import queues
from controltower.canonical.verdicts import Effect, Kind
from controltower.systems import calls
from controltower.systems.models import Circuit, System
from controltower.transactions import bell, engine
from controltower.transactions.folding import fold
from controltower.transactions.models import (
    Attempt,
    EventState,
    InboundEvent,
    Step,
    Transaction,
    TransactionState,
    WaitKind,
)
from controltower.transactions.protocol import (
    CLAIMABLE,
    MOST_DEATHS,
    REPEATABLE,
    State,
    Tried,
)

log = logging.getLogger(__name__)
LOST_LEASE = """
SELECT id FROM transactions_step WHERE state = 'sending' AND lease_until < now()
ORDER BY lease_until LIMIT 200
"""


def sweep(*, now: datetime) -> None:
    """One round: expired leases, closed gatherings, unread events, unrung bells, closed doors."""
    recover_expired(now=now)
    close_due_gatherings(now=now)
    if InboundEvent.objects.filter(state=EventState.RECEIVED, due_at__lte=now).exists():
        queues.ring(queues.INTAKE, "interpret")
    for slug in connections_due(now=now):
        queues.ring(queues.ENGINE, "drain", slug)
    refold_waiting(now=now)


def recover_expired(*, now: datetime) -> int:
    """A worker died between intent and result: the step becomes unknown, or parked when it has
    stopped three workers. Returns how many were recovered."""
    with connection.cursor() as cursor:
        cursor.execute(LOST_LEASE)
        ids = [row[0] for row in cursor.fetchall()]

    def recover(step_id: UUID) -> None:
        step = Step.objects.select_related("system").get(pk=step_id)
        transaction = Transaction.objects.select_for_update().get(pk=step.transaction_id)
        step.refresh_from_db()
        if step.state == State.SENDING and step.lease_until and step.lease_until < now:
            _recover(transaction, step, now)

    return _each(ids, recover)


def _each(ids: Iterable[UUID], play: Callable[[UUID], None]) -> int:
    """Play each in a database transaction of its own: one that fails stops none behind it.
    Returns how many were played."""
    played = 0
    for one in ids:
        try:
            with atomic():
                play(one)
            played += 1
        except OperationalError:
            raise
        except Exception:
            log.exception("not swept", extra={"subject": str(one)})
    return played


def _recover(transaction: Transaction, step: Step, now: datetime) -> None:
    step.deaths += 1
    step.fence += 1
    step.lease_until, step.changed_at = None, now
    step.kind, step.text = Kind.UNKNOWN, "The worker stopped before the answer came."
    Attempt.objects.filter(step=step, state=Tried.SENDING).update(
        state=Tried.UNKNOWN, ended_at=now, kind=Kind.UNKNOWN, text=step.text
    )
    unsafe = Effect(step.effect) is Effect.UNREPEATABLE
    if step.deaths >= MOST_DEATHS or unsafe:
        step.state = State.PARKED
        engine.mark_cause(step)
    else:
        step.state = State.UNKNOWN
        step.due_at = step.quarantine_until = now + _quarantine(step)
    step.save()
    engine.note(
        transaction,
        step.state,
        f"{step.title}: {step.text} It is asked first, never sent blindly.",
        now=now,
        step=step.name,
    )
    engine.advance(transaction, now=now)


def _quarantine(step: Step) -> timedelta:
    """How long the target may still be at work on a request whose sender is gone."""
    if step.system is None or Effect(step.effect) in REPEATABLE:
        return timedelta(0)
    return calls.operation(step.system, step.entity, step.verb).quarantine


def close_due_gatherings(*, now: datetime) -> int:
    """Billing runs whose time has come."""
    due = Transaction.objects.filter(gathering=True, wait_until__lte=now)
    ids = list(due.order_by("wait_until").values_list("id", flat=True)[:100])

    def close(transaction_id: UUID) -> None:
        transaction = Transaction.objects.select_for_update().get(pk=transaction_id)
        if transaction.gathering:
            engine.close_gathering(transaction, now=now)

    return _each(ids, close)


def connections_due(*, now: datetime) -> list[str]:
    """Connections with something due that may be called."""
    due = Step.objects.filter(state__in=CLAIMABLE, due_at__lte=now).values("system_id")
    callable_now = System.objects.callable(now).filter(pk__in=due)
    return sorted(set(callable_now.values_list("connection", flat=True)))


def refold_waiting(*, now: datetime) -> None:
    """Say that a transaction waits for a closed door, and stop saying so when it has opened."""
    shut = System.objects.exclude(circuit=Circuit.CLOSED, paused_at__isnull=True)
    held_up = Transaction.objects.filter(
        state=TransactionState.IN_PROGRESS,
        steps__state=State.SCHEDULED,
        steps__system__in=shut,
    )
    released = Transaction.objects.filter(
        state=TransactionState.WAITING, wait__in=[WaitKind.CIRCUIT_OPEN, WaitKind.RATE_LIMIT]
    ).filter(Q(wait_until__isnull=True) | Q(wait_until__lte=now),
             steps__state=State.SCHEDULED, steps__system__circuit=Circuit.CLOSED,
             steps__system__paused_at__isnull=True)  # fmt: skip

    def refold(transaction_id: UUID) -> None:
        transaction = Transaction.objects.select_for_update().get(pk=transaction_id)
        before = (transaction.state, transaction.wait)
        fold(transaction, list(transaction.steps.select_related("system")), now)
        if before != (transaction.state, transaction.wait):
            bell.ring("tower", "transactions", transactions=[transaction_id])

    for queryset in (held_up, released):
        _each(set(queryset.values_list("id", flat=True)[:50]), refold)
