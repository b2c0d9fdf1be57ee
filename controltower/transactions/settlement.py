"""Settle what a call came to: the step's move, its attempt, the proof, the timeline, the fold.

Every write is a compare-and-set on fence and state. Positive proof ("it exists") is accepted from
any worker, even one whose lease has passed; anything else only from the holder of the fence.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import OperationalError
from django.db.transaction import atomic

from controltower.canonical.verdicts import Done, Effect, Kind, TryLater, Unknown, Verdict
from controltower.canonical.wire import to_json
from controltower.firm.models import Period
from controltower.systems import calls
from controltower.systems.models import Circuit, System
from controltower.transactions import bell, engine
from controltower.transactions.intent import Intent
from controltower.transactions.models import Attempt, Delivery, Step, Transaction
from controltower.transactions.protocol import (
    Move,
    Purpose,
    Situation,
    State,
    Tried,
    away,
    judge,
)
from controltower.transactions.telling import sentence

log = logging.getLogger(__name__)
EXPECTED = {
    Purpose.SEND: State.SENDING,
    Purpose.PROBE: State.UNKNOWN,
    Purpose.READ_BACK: State.ACKED,
}
PROVABLE = frozenset({State.SENDING, State.UNKNOWN, State.SCHEDULED})
NUMBERED = {"invoice": "number", "billing_event": "number", "customer": "code"}
"""Where a target's answer carries the number that people use."""
MOST_TEXT = 600
MOST_BODY = 200_000


def settle(intent: Intent, verdict: Verdict, milliseconds: int, *, now: datetime) -> None:
    """Write what one call came to and let the transaction go on."""
    purpose = Purpose(intent.order.purpose)
    with atomic():
        transaction = Transaction.objects.select_for_update().get(
            pk=Step.objects.values_list("transaction_id", flat=True).get(pk=intent.step_id)
        )
        step = (
            Step.objects.select_related("system")
            .select_for_update(of=("self",))
            .get(pk=intent.step_id)
        )
        move = judge(verdict, _situation(step, intent, verdict, purpose, now))
        _close_attempt(intent, verdict, move, milliseconds, now)
        if not _counts(step, intent, verdict, purpose):
            _tell_late(transaction, step, verdict, purpose, now)
            return
        _apply(transaction, step, move, verdict, purpose, now)
        engine.advance(transaction, now=now)
        log.info(
            "attempt",
            extra={
                "correlation_id": transaction.correlation_id,
                "reference": transaction.reference,
                "step": step.name,
                "system": intent.system.slug,
                "operation": f"{purpose} {step.verb} {step.entity}",
                "outcome": move.to,
                "milliseconds": milliseconds,
            },
        )


def settle_whatever_came(
    intent: Intent, verdict: Verdict, milliseconds: int, *, now: datetime
) -> None:
    """As `settle`, but an answer that cannot be kept is one that was not understood: it must not
    cost the other answers of the round."""
    try:
        settle(intent, verdict, milliseconds, now=now)
    except OperationalError:
        raise
    except Exception as error:
        log.exception("an answer could not be kept", extra={"step": str(intent.step_id)})
        text = f"The answer could not be kept ({type(error).__name__})."
        wrote = intent.order.purpose == Purpose.SEND and intent.order.verb != "get"
        plain = Unknown(text=text) if wrote else TryLater(kind=Kind.CONTRACT, text=text)
        settle(intent, plain, milliseconds, now=now)


def _counts(step: Step, intent: Intent, verdict: Verdict, purpose: Purpose) -> bool:
    if step.fence == intent.fence and step.state == EXPECTED[purpose]:
        return True
    return _is_proof(step, verdict, purpose) and State(step.state) in PROVABLE


def _is_proof(step: Step, verdict: Verdict, purpose: Purpose) -> bool:
    """ "It exists": what a late worker read from a source proves nothing and may be out of date."""
    written = step.effect != Effect.READ and purpose is not Purpose.READ_BACK
    return written and isinstance(verdict, Done)


def _tell_late(
    transaction: Transaction, step: Step, verdict: Verdict, purpose: Purpose, now: datetime
) -> None:
    """Somebody ended the transaction while the call was under way: what came of it is told."""
    if step.state != State.CANCELLED or not _is_proof(step, verdict, purpose):
        return
    assert isinstance(verdict, Done)
    step.ref = verdict.ref or step.ref
    step.save(update_fields=["ref"])
    system = step.system.title if step.system else ""
    text = f"{step.title}: ended here while under way, but {system} has it as {step.ref}."
    engine.note(transaction, "arrived_late", text, now=now, step=step.name)


def withdraw(intent: Intent, *, now: datetime) -> None:
    """The call was never made: the step goes back to where it was, and no try is used up."""
    with atomic():
        owner = Step.objects.values_list("transaction_id", flat=True).get(pk=intent.step_id)
        Transaction.objects.select_for_update().get(pk=owner)
        Attempt.objects.filter(pk=intent.attempt_id, state=Tried.SENDING).update(
            state=Tried.FAILED_TRANSIENT, ended_at=now, text="Not sent: the time was too short."
        )
        Step.objects.filter(pk=intent.step_id, fence=intent.fence).update(
            state=intent.came_from, lease_until=None, due_at=now
        )


def _situation(
    step: Step, intent: Intent, verdict: Verdict, purpose: Purpose, now: datetime
) -> Situation:
    operation = (
        calls.operation(intent.system, step.entity, step.verb) if step.verb != "get" else None
    )
    return Situation(
        purpose=purpose,
        effect=Effect(step.effect),
        tries=step.tries,
        probes=step.probes,
        absences=step.absences,
        quarantine_over=step.quarantine_until is None or step.quarantine_until <= now,
        quarantine=operation.quarantine if operation else intent.system.deadline * 0,
        differs=_difference(step, intent, verdict, purpose),
    )


def _difference(step: Step, intent: Intent, verdict: Verdict, purpose: Purpose) -> str:
    """In words, how the target differs from what was sent; only asked when reading."""
    by_get = purpose is Purpose.READ_BACK or (purpose is Purpose.PROBE and step.verb != "upsert")
    if not by_get or not isinstance(verdict, Done) or intent.definition.differs is None:
        return ""
    try:
        return intent.definition.differs(step.sent, to_json(verdict.values)) or ""
    except Exception as error:
        log.exception("a comparison failed", extra={"step": step.name})
        return f"the answer lacks what is compared ({type(error).__name__})"


def _close_attempt(
    intent: Intent, verdict: Verdict, move: Move, milliseconds: int, now: datetime
) -> None:
    exchange = verdict.exchange
    Attempt.objects.filter(pk=intent.attempt_id).update(
        state=move.tried,
        ended_at=now,
        milliseconds=milliseconds,
        request=exchange.request[:MOST_BODY] if exchange else "",
        response=exchange.response[:MOST_BODY] if exchange else "",
        status=exchange.status if exchange else None,
        kind=move.kind or "",
        text=(move.text or str(getattr(verdict, "text", "")))[:MOST_TEXT],
    )


def _apply(
    transaction: Transaction,
    step: Step,
    move: Move,
    verdict: Verdict,
    purpose: Purpose,
    now: datetime,
) -> None:
    _count(step, move, verdict, purpose, now)
    step.state, step.changed_at, step.lease_until = move.to, now, None
    step.kind = move.kind or ""
    step.text = move.text[:MOST_TEXT]
    step.field = _first_field(verdict)
    step.due_at = now + move.after
    if move.kind is Kind.OUTAGE and step.system and step.system.circuit == Circuit.OPEN:
        step.due_at = step.system.retry_at or step.due_at
    if move.to is State.UNKNOWN and purpose is Purpose.SEND:
        step.quarantine_until = now + move.after
    if isinstance(verdict, Done) and move.to in {State.ACKED, State.VERIFIED}:
        _learn(transaction, step, verdict, move, now)
    if step.state == State.HELD and transaction.entity and step.sent.get("invoice_date"):
        month = str(step.sent["invoice_date"])[:7]
        Period.objects.update_or_create(
            entity=transaction.entity, month=month, defaults={"closed": True}
        )
    engine.mark_cause(step)
    if step.state not in {State.PARKED, State.HELD}:
        step.fingerprint = ""
    step.save()
    _tell(transaction, step, move, verdict, purpose, now)


def _count(step: Step, move: Move, verdict: Verdict, purpose: Purpose, now: datetime) -> None:
    step.deaths = 0
    if purpose is Purpose.SEND:
        step.tries += int(move.counts)
        step.probes = step.absences = 0
    else:
        step.probes = (
            0
            if move.to is State.ACKED and purpose is Purpose.PROBE
            else (step.probes + int(not away(verdict)))
        )
        step.absences += int(move.kind is Kind.NOT_FOUND)
    if move.to is State.VERIFIED:
        step.done_at = now


def _learn(transaction: Transaction, step: Step, verdict: Done, move: Move, now: datetime) -> None:
    """Keep what the target said, and the proof that this key had this one effect."""
    step.ref = verdict.ref or step.ref
    step.values = {**step.values, **_as_dict(verdict.values)}
    if step.effect == Effect.READ:
        return
    _name(transaction, step)
    if move.to is not State.ACKED:
        return
    proof, created = Delivery.objects.get_or_create(
        system=step.system,
        idempotency_key=step.idempotency_key,
        generation=step.generation,
        defaults={"ref": step.ref, "at": now},
    )
    if not created and proof.ref != step.ref:
        step.state, step.kind = State.PARKED, Kind.DUPLICATE
        step.text = f"Two records answer to one key: {proof.ref} and {step.ref}."


def _name(transaction: Transaction, step: Step) -> None:
    """Whatever the target calls the record finds the transaction from now on: its number, and
    the target's own id of what was created."""
    kind = step.entity.replace("_", " ")
    if number := step.values.get(NUMBERED.get(step.entity, "")):
        engine.add_key(transaction, kind, str(number))
    if step.verb == "upsert" and step.entity in {"project", "milestone", "billing_event"}:
        engine.add_key(transaction, kind, step.ref)


def _as_dict(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = to_json(dict(values))
    return plain


def _first_field(verdict: Verdict) -> str:
    fields = getattr(verdict, "fields", ())
    return str(fields[0].field)[:80] if fields else ""


def _tell(
    transaction: Transaction,
    step: Step,
    move: Move,
    verdict: Verdict,
    purpose: Purpose,
    now: datetime,
) -> None:
    system = step.system.title if step.system else ""
    detail = {"purpose": purpose, "kind": step.kind, "due": step.due_at and step.due_at.isoformat()}
    said = move.text or str(getattr(verdict, "text", ""))
    text = sentence(step, purpose, system=system, said=said)
    engine.note(transaction, step.state, text, now=now, step=step.name, detail=detail)
    if step.state in {State.PARKED, State.HELD}:
        bell.ring("exceptions")


def circuit_changed(system: System, now: datetime) -> None:
    """On closing, what waited for the system is due at once."""
    if system.circuit == Circuit.CLOSED:
        Step.objects.filter(system=system, state=State.SCHEDULED, kind=Kind.OUTAGE).update(
            due_at=now
        )
