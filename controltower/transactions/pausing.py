"""A person stops the clock of a promise while the client is waited for, and how it goes on: by its
date, by a person, by itself once what was waited for arrives.

Nothing else stops: what can be sent is sent. A broken promise cannot be paused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.processes.quote_to_cash import CONTRACT
from controltower.transactions import cases, promising
from controltower.transactions.cases import Case
from controltower.transactions.consent import require
from controltower.transactions.models import (
    TERMINAL,
    Awaited,
    Ended,
    Expectation,
    Pause,
    Transaction,
)

LONGEST = timedelta(days=92)
MOST = 500
CLOCK = "tower"
FIELDS = {Awaited.PO_NUMBER: "po_number", Awaited.VAT_NUMBER: "vat_number"}
"""What a fact must tell for the wait to be over."""


class CannotPause(Exception):
    """There is no clock to stop, or what is asked for is not sound; the text says why."""


def pause(
    *, transaction: Transaction, awaits: Awaited, until: datetime, evidence: str, note: str,
    by: Person, now: datetime,
) -> Pause:  # fmt: skip
    """Stop the promise's clock. Raises NotAllowed (recorded) or CannotPause."""
    require(by, Right.PAUSE_PROMISE, "pause promise", transaction, now)
    if not now < until <= now + LONGEST:
        raise CannotPause(f"A pause ends within {LONGEST.days} days from now.")
    if not evidence.strip():
        raise CannotPause("A pause needs a link to what shows that the client is waited for.")
    with cases.case_of(transaction, now=now) as case:
        if why := _why_not(case.transaction, now):
            raise CannotPause(why)
        promising.hold(case.transaction, now, _calendar(case))
        made = Pause.objects.create(
            transaction=case.transaction, awaits=awaits, until=until, evidence=evidence, note=note,
            was=_told(case, awaits), by=by, at=now,
        )  # fmt: skip
        words = f"{by} paused the promise until {until:%Y-%m-%d %H:%M} UTC. {awaits.label}."
        case.note("promise_paused", f"{words} {note}".strip(), actor=by.username)
        case.touch()
        _record(case.transaction, by, "pause promise", now, {
            "awaits": awaits.value, "until": until.isoformat(), "evidence": evidence, "note": note,
        })  # fmt: skip
    return made


def pause_chain(
    *, transactions: Iterable[Transaction], by: Person, now: datetime, **more: Any
) -> list[Pause]:
    """The same for all of a chain whose clocks run and which the person may pause. Raises
    CannotPause when there is none."""
    running = [
        one
        for one in transactions
        if may(by, Right.PAUSE_PROMISE, one.entity.code if one.entity else None)
        and not _why_not(one, now)
    ]
    if not running:
        raise CannotPause("No promise of this chain runs that you may pause.")
    return [pause(transaction=one, by=by, now=now, **more) for one in running]


def resume(*, transaction: Transaction, by: Person, now: datetime) -> bool:
    """Let the clock go on; returns whether it stood. Raises NotAllowed (recorded)."""
    require(by, Right.PAUSE_PROMISE, "resume promise", transaction, now)
    if not _end(transaction, Ended.PERSON, str(by), now, actor=by.username):
        return False
    _record(transaction, by, "resume promise", now, {})
    return True


def follow(*, now: datetime) -> int:
    """End the pauses whose date has come or whose awaited fact has arrived; returns how many."""
    ended = 0
    due = Pause.objects.open().select_related("transaction").order_by("until", "pk")
    for one in due[:MOST]:
        if how := _ends(one, now):
            done = _end(one.transaction, how, CLOCK, now)
            if done:
                _record(one.transaction, CLOCK, "resume promise", now, {"why": how.value})
            ended += done
    return ended


def _ends(pause: Pause, now: datetime) -> Ended | None:
    if pause.transaction.state in TERMINAL:
        return Ended.OVER
    if pause.until <= now:
        return Ended.DATE
    if pause.awaits == Awaited.CONTRACT:
        signed = Expectation.objects.filter(
            correlation_id=pause.transaction.correlation_id,
            milestone=CONTRACT.name,
            met_at__gt=pause.at,
        )
        return Ended.FACT if signed.exists() else None
    if field := FIELDS.get(Awaited(pause.awaits)):
        records = pause.transaction.items.values_list("record", flat=True)
        told = first(field, (pause.transaction.subject, *records))
        return Ended.FACT if told and told != pause.was else None
    return None


def _end(transaction: Transaction, how: Ended, by: str, now: datetime, *, actor: str = "") -> bool:
    """Close the open pause, and let the clock of what is under way go on with what was left."""
    with cases.case_of(transaction, now=now) as case:
        mine = Pause.objects.open().filter(transaction=transaction)
        if not mine.update(ended_at=now, ended=how, ended_by=by[:150]):
            return False
        if not case.transaction.is_over:
            promising.let_go(case.transaction, now, _calendar(case))
            text = f"The promise goes on. {how.label}."
            case.note("promise_resumed", text, actor=actor)
        case.touch()
    return True


def _why_not(transaction: Transaction, now: datetime) -> str:
    """Why its clock cannot be stopped; "" when it can."""
    if transaction.is_over:
        return "It has ended."
    if promising.is_held(transaction):
        return "Its promise is paused already."
    if transaction.due_at is None and promising.paused(transaction) is None:
        return "It has no promise."
    if transaction.due_at is not None and transaction.due_at <= now:
        return "Its promise is broken already; a pause would not mend it."
    return ""


def _calendar(case: Case) -> Any:
    code = case.transaction.entity.code if case.transaction.entity else ""
    return case.world.calendar_of(code)


def _told(case: Case, awaits: Awaited) -> str:
    records = (case.transaction.subject, *(item.record for item in case.items))
    return first(FIELDS[awaits], records)[:120] if awaits in FIELDS else ""


def first(name: str, records: Iterable[Any]) -> str:
    """The first text under that name, at any depth; "" where there is none."""
    for record in records:
        if not isinstance(record, Mapping):
            continue
        if (value := record.get(name)) and isinstance(value, str):
            return value
        if inner := first(name, record.values()):
            return inner
    return ""


def _record(
    one: Transaction, by: Person | str, verb: str, now: datetime, detail: dict[str, Any]
) -> None:
    audit.record(
        actor=by, verb=verb, subject=one.reference, allowed=True, now=now,
        entity=one.entity.code if one.entity else "", detail=detail,
    )  # fmt: skip
