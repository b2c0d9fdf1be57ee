"""Finds what nobody is moving and moves it: the tower recovers from an emptied Redis by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q

from controltower import queues
from controltower.canonical.verdicts import Effect
from controltower.systems import calls
from controltower.systems.models import Circuit, Recovery, System
from controltower.transactions import cases, engine, resolver
from controltower.transactions.cases import Case
from controltower.transactions.drain import connections_due
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
from controltower.transactions.protocol import State, Tried

log = logging.getLogger(__name__)
LOST_LEASE = """
SELECT DISTINCT transaction_id FROM (
    SELECT transaction_id FROM transactions_step WHERE state = 'sending' AND lease_until < now()
    ORDER BY lease_until LIMIT 200) lost
"""


def sweep(*, now: datetime) -> None:
    """One round: expired leases, closed gatherings, unread events, unrung bells, closed doors."""
    recover_expired(now=now)
    close_due_gatherings(now=now)
    if InboundEvent.objects.filter(state=EventState.RECEIVED, due_at__lte=now).exists():
        queues.ring(queues.INTAKE, "interpret")
    if connections_due():
        queues.ring(queues.ENGINE, "drain")
    refold_waiting(now=now)


def recover_expired(*, now: datetime) -> int:
    """A worker died between intent and result: the step becomes unknown, or parked when it has
    stopped three workers. Returns how many were recovered."""
    with connection.cursor() as cursor:
        cursor.execute(LOST_LEASE)
        ids = [row[0] for row in cursor.fetchall()]
    recovered = 0

    def recover(case: Case) -> None:
        nonlocal recovered
        lost = [step for step in case.steps if _is_lost(step, now)]
        for step in lost:
            _recover(case, step)
        if lost:
            engine.advance(case)
        recovered += len(lost)

    _each(ids, recover, now)
    return recovered


def _is_lost(step: Step, now: datetime) -> bool:
    expired = step.lease_until is not None and step.lease_until < now
    return step.state == State.SENDING and expired


def _each(ids: Sequence[UUID], play: Callable[[Case], None], now: datetime) -> None:
    """Play all in one set; when that cannot be kept, each alone, so that one that fails stops none
    behind it. Those that somebody is at work on are left for the next round."""
    if not ids:
        return
    try:
        with cases.opened(ids, now=now, patient=False) as found:
            for case in found.values():
                play(case)
    except cases.AWAY:
        raise
    except Exception:
        if len(ids) == 1:
            log.exception("not swept", extra={"reference": str(ids[0])})
        else:
            for one in ids:
                _each([one], play, now)


def _recover(case: Case, step: Step) -> None:
    step.deaths += 1
    step.fence += 1
    step.lease_until, step.changed_at = None, case.now
    effect = Effect(step.effect)
    step.kind, step.text = resolver.unheard(effect), "The worker stopped before the answer came."
    Attempt.objects.filter(step=step, state=Tried.SENDING).update(
        state=Tried.UNKNOWN, ended_at=case.now, kind=step.kind, text=step.text
    )
    step.state = resolver.after_death(effect, step.deaths)
    if step.state == State.PARKED:
        engine.mark_cause(case, step)
    else:
        step.due_at = step.quarantine_until = case.now + _quarantine(step)
    text = f"{step.title}: {step.text}"
    if effect is not Effect.READ:
        text = f"{step.title}: {step.text} It is asked first, never sent blindly."
    case.note(step.state, text, step=step.name)


def _quarantine(step: Step) -> timedelta:
    if step.system is None or step.verb == "get":
        return timedelta(0)
    declared = calls.operation(step.system, step.entity, step.verb).quarantine
    return resolver.still_at_work(Effect(step.effect), declared)


def close_due_gatherings(*, now: datetime) -> None:
    """Billing runs whose time has come. In recovery mode work may still be missing."""
    if Recovery.objects.open().exists():
        return
    due = Transaction.objects.filter(gathering=True, wait_until__lte=now)

    def close(case: Case) -> None:
        if case.transaction.gathering:
            engine.close_gathering(case)

    _each(list(due.order_by("wait_until").values_list("id", flat=True)[:100]), close, now)


def refold_waiting(*, now: datetime) -> None:
    """Say that a transaction waits for a closed door, and stop saying so when it has opened. Which
    doors are closed is asked first: as a rule none is, and a backlog need not be looked through."""
    open_ = Q(circuit=Circuit.CLOSED, paused_at__isnull=True, refused_at__isnull=True)
    shut = System.objects.filter(Q(slow_until__gt=now) | ~open_).values_list("pk", flat=True)
    held_up = Transaction.objects.filter(
        state=TransactionState.IN_PROGRESS,
        steps__system__in=list(shut),
        steps__state=State.SCHEDULED,
    )
    released = Transaction.objects.filter(
        state=TransactionState.WAITING, wait__in=[WaitKind.CIRCUIT_OPEN, WaitKind.RATE_LIMIT]
    ).filter(Q(wait_until__isnull=True) | Q(wait_until__lte=now),
             steps__state=State.SCHEDULED, steps__system__circuit=Circuit.CLOSED,
             steps__system__paused_at__isnull=True,
             steps__system__refused_at__isnull=True)  # fmt: skip
    for queryset in (held_up, released):
        _each(list(set(queryset.values_list("id", flat=True)[:200])), fold, now)
