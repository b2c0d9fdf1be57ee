"""A person calls a transaction off, as long as no system has got anything of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from controltower.canonical.verdicts import Effect
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.transactions import cases, engine
from controltower.transactions.consent import require
from controltower.transactions.models import Step, Transaction, TransactionState
from controltower.transactions.protocol import State
from controltower.transactions.resolver import in_doubt

WRITTEN = frozenset({State.ACKED, State.VERIFIED})


class ReasonMissing(Exception):
    """Calling something off needs a reason."""


class Sent(Exception):
    """Something of it was sent, or it has ended: the text says what, and what to do instead."""


def cancel(*, transaction: Transaction, reason: str, by: Person, now: datetime) -> None:
    """Any live state → cancelled, when nothing was sent. Raises NotAllowed, ReasonMissing, Sent."""
    code = transaction.entity.code if transaction.entity else None
    require(by, Right.RESOLVE, "cancel", transaction, now)
    if not reason.strip():
        raise ReasonMissing
    with cases.case_of(transaction, now=now) as case:
        if case.transaction.is_over:
            raise Sent("It has ended already.")
        if why := obstacle(case.steps):
            raise Sent(why)
        text = f"{by} cancelled it before anything was sent: {reason}"
        engine.end(case, state=TransactionState.CANCELLED, text=text, actor=by.username)
        audit.record(
            actor=by, verb="cancel", subject=transaction.reference, allowed=True, now=now,
            entity=code or "", detail={"reason": reason},
        )  # fmt: skip


def obstacle(steps: Iterable[Step]) -> str:
    """Why it can no longer be called off and what to do instead; "" while it can."""
    for step in steps:
        if step.system is None or step.effect == Effect.READ:
            continue
        system, state = step.system.title, State(step.state)
        if state in WRITTEN:
            return (
                f"{system} has “{step.title}” already. Undo it there, then settle it here as "
                "settled elsewhere."
            )
        if state is State.SENDING:
            return f"“{step.title}” is on its way to {system} at this moment. Wait for its answer."
        if in_doubt(state, step.kind, sent=step.sent_at is not None):
            return f"Nobody knows whether {system} has “{step.title}”. Have that decided first."
    return ""
