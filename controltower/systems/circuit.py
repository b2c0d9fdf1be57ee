"""The circuit of a system: after repeated failures to reach it we rest instead of hammering."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.transaction import atomic

from controltower.canonical.verdicts import Kind, TryLater, Unavailable, Unknown, Verdict
from controltower.systems import holding
from controltower.systems.models import Circuit, System

OPENS_AFTER = 4
FIRST_REST = timedelta(seconds=10)
NOTED_EVERY = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=1)
"""One call a minute burdens nobody, and a system that is back is used again within one."""


def reached(verdict: Verdict) -> bool:
    """Whether the system answered at all; a refusal is an answer, and so is that a record is
    locked, or that a job of its own still runs."""
    if isinstance(verdict, (Unavailable, Unknown)):
        return False
    return not (isinstance(verdict, TryLater) and verdict.kind is Kind.OUTAGE)


def note(system: System, verdicts: Sequence[Verdict], now: datetime) -> bool:
    """Learn from a round of calls; returns whether the circuit changed its state, or the
    connection is held anew.

    closed → open after four failures in a row; open → testing when its rest is over (one call
    goes through, see `allowance`); testing → closed on an answer, → open for twice as long on
    another failure.
    """
    held = holding.note(system, verdicts, now)
    if not verdicts or _nothing_new(system, verdicts, now):
        return held
    with atomic():
        row = System.objects.select_for_update().get(pk=system.pk)
        before = row.circuit
        for verdict in verdicts:
            _learn(row, verdict, now)
        row.save(
            update_fields=[
                "circuit",
                "failures",
                "opened_at",
                "retry_at",
                "last_ok_at",
                "last_failure_at",
                "last_failure",
            ]
        )
    system.circuit, system.retry_at, system.failures = row.circuit, row.retry_at, row.failures
    system.last_ok_at = row.last_ok_at
    return held or before != row.circuit


def _nothing_new(system: System, verdicts: Sequence[Verdict], now: datetime) -> bool:
    """All is well, and was a moment ago: a busy system's row is not written for every answer."""
    well = system.circuit == Circuit.CLOSED and not system.failures
    fresh = system.last_ok_at is not None and system.last_ok_at > now - NOTED_EVERY
    return well and fresh and all(map(reached, verdicts))


def _learn(row: System, verdict: Verdict, now: datetime) -> None:
    if reached(verdict):
        row.circuit, row.failures = Circuit.CLOSED, 0
        row.opened_at = row.retry_at = None
        row.last_ok_at = now
        return
    row.last_failure_at = now
    row.last_failure = str(getattr(verdict, "text", ""))[:400]
    if row.retry_at is not None and row.retry_at > now:
        return  # it was under way when the circuit opened, and says nothing new
    row.failures += 1
    if row.failures >= OPENS_AFTER:
        row.circuit = Circuit.OPEN
        row.opened_at = row.opened_at or now
        row.retry_at = now + rest(row.failures)


def rest(failures: int) -> timedelta:
    """How long to leave a system alone: doubling from 10 s up to a minute."""
    doublings = min(max(failures - OPENS_AFTER, 0), 6)
    return min(FIRST_REST * int(2**doublings), LONGEST_REST)


def allowance(system: System, wanted: int, now: datetime) -> int:
    """How many calls may go out now: none when resting or paused, one when testing."""
    if system.paused_at is not None or not system.active or holding.held(system, now):
        return 0
    if system.circuit == Circuit.CLOSED:
        return wanted
    if system.retry_at is not None and system.retry_at > now:
        return 0
    return min(wanted, 1)
