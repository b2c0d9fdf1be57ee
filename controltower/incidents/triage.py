"""What people do with a cause: take it, hand it over, put it aside, solve it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.incidents import letters
from controltower.incidents.models import Cause, DeadLetter, LetterState
from controltower.transactions import bell, cases, engine
from controltower.transactions.models import Transaction, TransactionState, WaitKind


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class NotWaiting(Exception):
    """Nobody waits for this decision any more; the text says why."""


class ReasonMissing(Exception):
    """Solving or putting aside needs a reason."""


def assign(*, cause: Cause, to: Person | None, by: Person, now: datetime) -> None:
    """Give the cause an owner (or none); its open letters follow."""
    _require(by, Right.ASSIGN, "assign", cause, now)
    with atomic():
        cause.owner = to
        cause.save(update_fields=["owner"])
        state = LetterState.ASSIGNED if to else LetterState.OPEN
        cause.letters.filter(
            state__in=[LetterState.OPEN, LetterState.ASSIGNED, LetterState.REOPENED]
        ).update(state=state)
        _tell(by, "assign", cause, now, {"to": to.username if to else ""})


def snooze(*, cause: Cause, until: datetime | None, reason: str, by: Person, now: datetime) -> None:
    """Put the cause aside until a time, or (None) wake it."""
    _require(by, Right.ASSIGN, "snooze", cause, now)
    if until is not None and not reason.strip():
        raise ReasonMissing
    with atomic():
        cause.snoozed_until = until
        cause.note = reason[:600] or cause.note
        cause.save(update_fields=["snoozed_until", "note"])
        _tell(by, "snooze" if until else "wake", cause, now, {"reason": reason})


def solve_elsewhere(
    *, transactions: Sequence[Transaction], reason: str, by: Person, now: datetime, discard: bool
) -> int:
    """End stuck transactions that a person settled outside (or writes off), with the reason.

    dead_lettered / waiting → resolved_externally / written_off. Returns how many ended.
    """
    if not reason.strip():
        raise ReasonMissing
    state = TransactionState.WRITTEN_OFF if discard else TransactionState.RESOLVED_EXTERNALLY
    verb = "write off" if discard else "solve elsewhere"
    ended = 0
    for transaction in transactions:
        code = transaction.entity.code if transaction.entity else None
        if not may(by, Right.RESOLVE, code):
            audit.record(actor=by, verb=verb, subject=transaction.reference, allowed=False, now=now)
            raise NotAllowed(f"Only the {who_grants(Right.RESOLVE)} may do this.")
        with cases.case_of(transaction, now=now) as case:
            if case.transaction.is_over:
                continue
            text = f"{by} settled this outside the tower: {reason}"
            engine.end(case, state=state, text=text, actor=by.username)
            audit.record(
                actor=by,
                verb=verb,
                subject=transaction.reference,
                allowed=True,
                now=now,
                entity=code or "",
                detail={"reason": reason},
            )
            ended += 1
    letters.catch_up(now=now)
    return ended


def decide_period(
    *, transaction: Transaction, decision: str, by: Person, reason: str, now: datetime
) -> None:
    """A closed period is a wait with a decision: "next_period" bills it in the open one,
    "reopened" tries again because the owner has reopened it.

    Raises NotAllowed, ReasonMissing or NotWaiting (somebody else was quicker).
    """
    code = transaction.entity.code if transaction.entity else None
    if not may(by, Right.DECIDE_PERIOD, code):
        audit.record(
            actor=by, verb="decide period", subject=transaction.reference, allowed=False, now=now
        )
        raise NotAllowed(f"Only the {who_grants(Right.DECIDE_PERIOD)} may decide this.")
    if not reason.strip():
        raise ReasonMissing
    words = {
        "next_period": f"{by} decided: bill it in the open period. {reason}",
        "reopened": f"{by} reopened the period. {reason}",
    }
    with cases.case_of(transaction, now=now) as case:
        row = case.transaction
        if row.is_over or row.wait != WaitKind.PERIOD_CLOSED:
            raise NotWaiting("It does not wait for this decision any more.")
        engine.decide(
            case, decision="period", value=decision, actor=by.username, text=words[decision]
        )
        audit.record(
            actor=by,
            verb="decide period",
            subject=row.reference,
            allowed=True,
            now=now,
            entity=code or "",
            detail={"decision": decision, "reason": reason},
        )


def open_letters(cause: Cause, person: Person) -> Sequence[DeadLetter]:
    """The cause's unsolved letters that this person may see, most money first."""
    visible = Transaction.objects.visible_to(person)
    return list(
        cause.letters.open()
        .filter(transaction__in=visible)
        .select_related("transaction__entity", "step__system")
        .order_by("-transaction__amount", "id")
    )


def _require(by: Person, right: Right, verb: str, cause: Cause, now: datetime) -> None:
    if not may(by, right):
        audit.record(actor=by, verb=verb, subject=f"cause {cause.pk}", allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(right)} may do this.")


def _tell(by: Person, verb: str, cause: Cause, now: datetime, detail: dict[str, str]) -> None:
    audit.record(
        actor=by, verb=verb, subject=f"cause {cause.pk}", allowed=True, now=now, detail=detail
    )
    bell.ring("exceptions", "tower")
