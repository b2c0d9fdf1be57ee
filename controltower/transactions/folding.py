"""A transaction's state is a fold over its steps, never "last write wins"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controltower.canonical.verdicts import Kind
from controltower.systems.models import Circuit, System
from controltower.transactions import promising
from controltower.transactions.cases import Case
from controltower.transactions.models import TERMINAL, Step, TransactionState, WaitKind
from controltower.transactions.protocol import FINISHED, State


def fold(case: Case) -> None:
    """Set state and wait from the steps. Terminal states stay."""
    transaction = case.transaction
    if transaction.is_over or transaction.gathering:
        return
    state, wait, text, until = _folded(case.steps, case.now)
    before = (transaction.state, transaction.wait, transaction.wait_text)
    transaction.state, transaction.wait = state, wait
    transaction.wait_text, transaction.wait_until = text[:400], until
    if before == (state, wait, text[:400]):
        return
    transaction.changed_at = case.now
    if state in TERMINAL:
        transaction.ended_at = case.now
    if transaction.promise:
        code = transaction.entity.code if transaction.entity else ""
        promising.follow(transaction, case.now, case.world.calendar_of(code))
    case.touch()


def _folded(
    steps: Sequence[Step], now: datetime
) -> tuple[TransactionState, str, str, datetime | None]:
    by_state: dict[str, Step] = {}
    for step in steps:
        by_state.setdefault(step.state, step)
    if parked := by_state.get(State.PARKED):
        return TransactionState.DEAD_LETTERED, "", parked.text, None
    if held := by_state.get(State.HELD):
        kind = WaitKind.PERIOD_CLOSED if held.kind == Kind.PERIOD_CLOSED else WaitKind.OWNER
        return TransactionState.WAITING, kind, held.text, None
    states = set(by_state)
    if states <= FINISHED:
        return TransactionState.VERIFIED, "", "", None
    if states <= FINISHED | {State.ACKED}:
        return TransactionState.DELIVERED, "", "", None
    return _moving(by_state, now)


def _moving(
    by_state: dict[str, Step], now: datetime
) -> tuple[TransactionState, str, str, datetime | None]:
    step = by_state.get(State.SCHEDULED)
    if step is not None and step.system is not None:
        if reason := _closed_door(step.system):
            return TransactionState.WAITING, WaitKind.CIRCUIT_OPEN, reason, step.system.retry_at
        if step.kind == WaitKind.DEPENDENCY:
            return TransactionState.WAITING, WaitKind.DEPENDENCY, step.text, None
        if step.system.slow_until is not None and step.system.slow_until > now:
            text = f"{step.system.title} asked us to slow down."
            return TransactionState.WAITING, WaitKind.RATE_LIMIT, text, step.system.slow_until
        later = step.due_at is not None and step.due_at > now
        if later and step.kind == Kind.RATE_LIMITED:
            text = f"{step.system.title} asked us to slow down."
            return TransactionState.WAITING, WaitKind.RATE_LIMIT, text, step.due_at
        if later and step.kind == WaitKind.SCHEDULE:
            return TransactionState.WAITING, WaitKind.SCHEDULE, step.text, step.due_at
        if later and step.kind == Kind.OUTAGE:
            text = f"{step.system.title} could not be reached."
            return TransactionState.WAITING, WaitKind.CIRCUIT_OPEN, text, step.due_at
    return TransactionState.IN_PROGRESS, "", "", None


def _closed_door(system: System) -> str:
    if system.paused_at is not None:
        return f"{system.title} is paused: {system.pause_reason}"
    if system.refused_at is not None:
        return f"{system.title} does not accept our sign-in; it goes on once that is put right."
    if system.circuit != Circuit.CLOSED:
        return f"{system.title} cannot be reached; calls are held back until it answers again."
    return ""
