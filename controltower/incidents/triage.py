"""What people do with a cause: take it, hand it over, put it aside, decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import LegalEntity, Person
from controltower.firm.rights import Right, beyond, may, may_everywhere, who_grants
from controltower.incidents import letters
from controltower.incidents.models import Cause, DeadLetter, LetterState
from controltower.processes import overwritten, withdrawn_work
from controltower.transactions import bell, cases, engine
from controltower.transactions.cases import Case
from controltower.transactions.models import Transaction, WaitKind
from controltower.transactions.protocol import State

ASIDE = ("snoozed_until", "wake_at_count", "wake_at_value", "parked_at")


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class NotWaiting(Exception):
    """Nobody waits for this decision any more; the text says why."""


class ReasonMissing(Exception):
    """Solving or putting aside needs a reason."""


def assign(*, cause: Cause, to: Person | None, by: Person, now: datetime) -> None:
    """Give the cause an owner (or none); its open letters follow."""
    require(by, "assign", cause, now)
    with atomic():
        cause.owner, cause.back_at = to, None
        cause.save(update_fields=["owner", "back_at"])
        cause.letters.filter(state=LetterState.REOPENED).update(state=LetterState.OPEN)
        letters.stand(cause.letters.all(), now)
        tell(by, "assign", cause, now, {"to": to.username if to else ""})


@dataclass(frozen=True, slots=True)
class Aside:
    """Until when a cause is put aside: a time, sooner if so many transactions or so much money
    (reporting currency, major units) are stuck by it; without a time until it is taken up."""

    until: datetime | None = None
    count: int | None = None
    value: Decimal | None = None


def put_aside(*, cause: Cause, aside: Aside, reason: str, by: Person, now: datetime) -> None:
    """Snooze the cause, or park it; its letters are on hold."""
    verb = "snooze" if aside.until else "park"
    require(by, verb, cause, now)
    if not reason.strip():
        raise ReasonMissing
    given = (("until", aside.until), ("count", aside.count), ("value", aside.value))
    limits = {name: str(limit) for name, limit in given if limit is not None}
    with atomic():
        _lay(cause, aside, now, reason)
        tell(by, verb, cause, now, {"reason": reason, **limits})


def wake(*, cause: Cause, by: Person | str, now: datetime, reason: str = "") -> None:
    """Take the cause up again; by the tower itself when there is more of it than was put aside,
    which is noted: a person knows why they have."""
    if isinstance(by, Person):
        require(by, "wake", cause, now)
    with atomic():
        _lay(cause, None, now, "" if isinstance(by, Person) else reason)
        tell(by, "wake", cause, now, {"reason": reason})


def _lay(cause: Cause, aside: Aside | None, now: datetime, note: str) -> None:
    cause.snoozed_until = aside.until if aside else None
    cause.wake_at_count = aside.count if aside else None
    cause.wake_at_value = aside.value if aside else None
    cause.parked_at = now if aside and aside.until is None else None
    cause.note = note[:600]
    cause.save(update_fields=[*ASIDE, "note"])
    letters.stand(cause.letters.all(), now)


PERIOD = "period"
WAYS = {
    "next_period": PERIOD,
    "reopened": PERIOD,
    withdrawn_work.CREDIT: withdrawn_work.APPROVAL,
    overwritten.WRITE_AGAIN: overwritten.OVERWRITTEN,
    overwritten.LET_STAND: overwritten.OVERWRITTEN,
}
"""What each decision is about."""
ASKED_FOR = frozenset({withdrawn_work.APPROVAL, overwritten.OVERWRITTEN})
"""What the field of a refusal asks to be decided; of a period it is the wait that asks."""


def right_to(decision: str) -> Right:
    """Which right a decision needs. Raises KeyError for an unknown one."""
    is_of_a_client = WAYS[decision] == overwritten.OVERWRITTEN
    return Right.DECIDE_DUPLICATE if is_of_a_client else Right.DECIDE_PERIOD


def decide(
    *, transaction: Transaction, decision: str, by: Person, reason: str, now: datetime
) -> None:
    """What waits for a decision goes on by it: "next_period" bills work of a closed period in the
    open one, "reopened" tries again because the owner has reopened it, "credit" credits work whose
    approval was taken back, "write_again" and "let_stand" end a tug-of-war over a client's field.

    Raises NotAllowed, ReasonMissing or NotWaiting (somebody else was quicker).
    """
    about, code = WAYS[decision], transaction.entity.code if transaction.entity else None
    verb, right = f"decide {about}", right_to(decision)
    if not may(by, right, code):
        audit.record(actor=by, verb=verb, subject=transaction.reference, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(right)} may decide this.")
    if not reason.strip():
        raise ReasonMissing
    with cases.case_of(transaction, now=now) as case:
        row = case.transaction
        if row.is_over or not _waits_for(about, case):
            raise NotWaiting("It does not wait for this decision any more.")
        text = _in_words(decision, by, reason)
        engine.decide(case, decision=about, value=decision, actor=by.username, text=text)
        audit.record(
            actor=by,
            verb=verb,
            subject=row.reference,
            allowed=True,
            now=now,
            entity=code or "",
            detail={"decision": decision, "reason": reason},
        )


def _in_words(decision: str, by: Person, reason: str) -> str:
    return {
        "next_period": f"{by} decided: bill it in the open period. {reason}",
        "reopened": f"{by} reopened the period. {reason}",
        withdrawn_work.CREDIT: f"{by} decided: it is not owed, credit it. {reason}",
        overwritten.WRITE_AGAIN: f"{by} decided: write the owner's value once more. {reason}",
        overwritten.LET_STAND: f"{by} decided: what stands there is left to stand. {reason}",
    }[decision]


def _waits_for(about: str, case: Case) -> bool:
    if about in ASKED_FOR:
        return any(step.state == State.PARKED and step.field == about for step in case.steps)
    return case.transaction.wait == WaitKind.PERIOD_CLOSED


def open_letters(cause: Cause, person: Person) -> Sequence[DeadLetter]:
    """The cause's unsolved letters that this person may see, most money first."""
    visible = Transaction.objects.visible_to(person)
    return list(
        cause.letters.open()
        .filter(transaction__in=visible)
        .select_related("transaction__entity", "step__system")
        .order_by("-transaction__amount", "id")
    )


def require(by: Person, verb: str, cause: Cause, now: datetime) -> None:
    """Whoever may not handle causes in each company whose work stands in this one is refused, and
    that is recorded. Raises NotAllowed."""
    if not may(by, Right.ASSIGN) or out_of_reach(by, cause):
        audit.record(actor=by, verb=verb, subject=f"cause {cause.pk}", allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.ASSIGN)} of all its companies may do this.")


def out_of_reach(person: Person, cause: Cause) -> list[str]:
    """The companies with work in this cause for which the person may not handle causes: what is
    put aside or handed over is so for all of them."""
    if may_everywhere(person, Right.ASSIGN):
        return []
    held = cause.letters.open().order_by().values_list("transaction__entity_id", flat=True)
    companies = LegalEntity.objects.in_bulk()
    return beyond(person, Right.ASSIGN, [companies.get(pk) for pk in held.distinct()])


def tell(by: Person | str, verb: str, cause: Cause, now: datetime, detail: dict[str, str]) -> None:
    """Record a decision about a cause, and have the pages show it."""
    audit.record(
        actor=by, verb=verb, subject=f"cause {cause.pk}", allowed=True, now=now, detail=detail
    )
    bell.ring("exceptions", "tower")
