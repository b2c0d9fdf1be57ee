"""Settle what calls came to: each step's move, its attempt, the proof, the timeline, the fold.

Every write is a compare-and-set on fence and state. Positive proof ("it exists") is accepted from
any worker, even one whose lease has passed; anything else only from the holder of the fence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from controltower import logs
from controltower.canonical.money import NotAnAmount
from controltower.canonical.verdicts import Done, Effect, Kind, Verdict
from controltower.canonical.wire import to_json
from controltower.systems import calls
from controltower.systems.models import Circuit, System
from controltower.transactions import attempts, cases, engine, learning, resolver, sets
from controltower.transactions.attempts import MOST_TEXT
from controltower.transactions.cases import Case
from controltower.transactions.intent import Answered, Intent
from controltower.transactions.learning import Proofs
from controltower.transactions.models import Attempt, Step
from controltower.transactions.preparation import read_back
from controltower.transactions.protocol import (
    Move,
    Purpose,
    Situation,
    State,
    judge,
)
from controltower.transactions.resolver import Counts
from controltower.transactions.telling import sentence
from controltower.transactions.world import World

log = logging.getLogger(__name__)
A_WHILE = timedelta(seconds=1)

Allowed = Callable[[Answered], bool]
"""Whether what an answer confirms may be read back at once."""


def settle(
    answers: Sequence[Answered],
    *,
    now: datetime,
    around: World | None = None,
    at_once: Allowed = lambda _answered: False,
) -> list[Intent]:
    """Write what calls came to, and let their transactions go on. A set that cannot be kept is
    settled one by one. Returns the read-backs that are allowed `at_once`: their intents are kept
    with what they read back, and their calls are the caller's to make."""
    if not answers:
        return []
    try:
        return _settle(answers, now, around, at_once)
    except cases.AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - one answer's trouble must not cost the others
        if len(answers) > 1:
            return [intent for one in answers for intent in settle([one], now=now, at_once=at_once)]
        if not isinstance(error, sets.Moved):
            answers = [_plain(answers[0], error)]
        return _settle(answers, now, None, at_once)


def _plain(answered: Answered, error: Exception) -> Answered:
    """An answer that cannot be kept is one that was not understood."""
    intent = answered.intent
    log.exception("an answer could not be kept", extra={"step": str(intent.step_id)})
    text = (
        f"The answer gives a number that is none: {error}."
        if isinstance(error, NotAnAmount)
        else f"The answer could not be kept ({type(error).__name__})."
    )
    return answered._replace(verdict=intent.order.unanswered(text, Kind.CONTRACT))


def _settle(
    answers: Sequence[Answered], now: datetime, around: World | None, at_once: Allowed
) -> list[Intent]:
    reads: list[Intent] = []
    owners = {answered.intent.transaction_id for answered in answers}
    with cases.opened(owners, now=now, around=around) as found:
        proofs = learning.proofs(answers)
        closed: dict[Any, dict[str, Any]] = {}
        for answered in answers:
            case = found[answered.intent.transaction_id]
            step = next(one for one in case.steps if one.id == answered.intent.step_id)
            if answered.verdict is None:
                closed[answered.intent.attempt_id] = _withdraw(step, answered.intent, now)
                continue
            lease = step.lease_until
            move = _play(case, step, answered.intent, answered.verdict, proofs)
            if (
                _confirmed(step, answered.intent)
                and at_once(answered)
                and (reading := read_back(case, step, answered.intent, lease=lease))
            ):
                reads.append(reading)
            closed[answered.intent.attempt_id] = attempts.ended(
                answered, answered.verdict, move, now
            )
        sets.update(Attempt, closed)
    logs.each(log, "attempt", [attempts.line(answered) for answered in answers])
    return reads


def _play(case: Case, step: Step, intent: Intent, verdict: Verdict, proofs: Proofs) -> Move:
    """The move that a verdict causes, made when it counts."""
    purpose = Purpose(intent.order.purpose)
    at = _situation(step, intent, verdict, purpose, case.now)
    move = judge(verdict, at)
    proof = resolver.proves(at.effect, purpose, verdict, differs=bool(at.differs))
    if _holds(step, intent) or (proof and resolver.provable(State(step.state), step.kind)):
        _apply(case, step, move, verdict, purpose, proofs)
        engine.advance(case)
    elif proof and isinstance(verdict, Done):
        _tell_late(case, step, verdict)
    return move


def _holds(step: Step, intent: Intent) -> bool:
    ours = step.fence == intent.fence
    return resolver.holds(State(step.state), ours=ours, purpose=Purpose(intent.order.purpose))


def _confirmed(step: Step, intent: Intent) -> bool:
    ours = step.fence == intent.fence
    purpose = Purpose(intent.order.purpose)
    return resolver.read_back_at_once(State(step.state), ours=ours, purpose=purpose)


def _tell_late(case: Case, step: Step, proof: Done) -> None:
    """Somebody ended the transaction while the call was under way: what came of it is told."""
    if step.state != State.CANCELLED:
        return
    step.ref = proof.ref or step.ref
    system = step.system.title if step.system else ""
    text = f"{step.title}: ended here while under way, but {system} has it as {step.ref}."
    case.note("arrived_late", text, step=step.name)


def _withdraw(step: Step, intent: Intent, now: datetime) -> dict[str, Any]:
    """The call was never made: the step goes back to where it was, and no try is used up."""
    if _holds(step, intent):
        step.state, step.lease_until, step.due_at = intent.came_from, None, now + A_WHILE
    return attempts.not_made(now)


def _situation(
    step: Step, intent: Intent, verdict: Verdict, purpose: Purpose, now: datetime
) -> Situation:
    operation = (
        calls.operation(intent.system, step.entity, step.verb) if step.verb != "get" else None
    )
    return Situation(
        purpose=purpose,
        effect=Effect(step.effect),
        unsure=resolver.unsure(Effect(step.effect), step.kind, purpose),
        tries=step.tries,
        probes=step.probes,
        absences=step.absences,
        quarantine_over=step.quarantine_until is None or step.quarantine_until <= now,
        quarantine=operation.quarantine if operation else intent.system.deadline * 0,
        differs=_difference(step, intent, verdict, purpose),
    )


def _difference(step: Step, intent: Intent, verdict: Verdict, purpose: Purpose) -> str:
    """In words, how the target differs from what was sent; only asked when reading."""
    by_number = step.verb != "upsert" or intent.order.find is None
    by_get = purpose is Purpose.READ_BACK or (purpose is Purpose.PROBE and by_number)
    if not by_get or not isinstance(verdict, Done) or intent.definition.differs is None:
        return ""
    try:
        return intent.definition.differs(step.sent, to_json(verdict.values)) or ""
    except Exception as error:
        log.exception("a comparison failed", extra={"step": step.name})
        return f"the answer lacks what is compared ({type(error).__name__})"


def _apply(
    case: Case, step: Step, move: Move, verdict: Verdict, purpose: Purpose, proofs: Proofs
) -> None:
    now = case.now
    _count(step, move, verdict, purpose, now)
    step.state, step.changed_at, step.lease_until = move.to, now, None
    step.kind = move.kind or ""
    step.text = move.text[:MOST_TEXT]
    step.field = learning.first_field(verdict)
    step.due_at = _due(step, move, now)
    if move.kind is Kind.OUTAGE and step.system and step.system.circuit == Circuit.OPEN:
        step.due_at = step.system.retry_at or step.due_at
    if move.to is State.UNKNOWN and purpose is Purpose.SEND:
        step.quarantine_until = now + move.after
    if isinstance(verdict, Done) and move.to in {State.ACKED, State.VERIFIED}:
        learning.learn(case, step, verdict, move, proofs)
    if step.state == State.HELD:
        learning.learn_closed_period(case, step)
    step.fingerprint = ""
    engine.mark_cause(case, step)
    _tell(case, step, move, verdict, purpose)


def _due(step: Step, move: Move, now: datetime) -> datetime:
    """When it is taken up again. What was confirmed keeps its turn: it is read back before what
    came due after it is sent, else a backlog would be sent as a whole before any of it is done."""
    if move.to is State.ACKED and not move.after and step.due_at is not None:
        return min(step.due_at, now)
    return now + move.after


def _count(step: Step, move: Move, verdict: Verdict, purpose: Purpose, now: datetime) -> None:
    was = Counts(step.tries, step.probes, step.absences, step.deaths)
    became = resolver.tally(was, purpose, move, verdict)
    step.tries, step.probes = became.tries, became.probes
    step.absences, step.deaths = became.absences, became.deaths
    if move.to is State.VERIFIED:
        step.done_at = now


def _tell(case: Case, step: Step, move: Move, verdict: Verdict, purpose: Purpose) -> None:
    system = step.system.title if step.system else ""
    detail = {"purpose": purpose, "kind": step.kind, "due": step.due_at and step.due_at.isoformat()}
    said = move.text or str(getattr(verdict, "text", ""))
    text = sentence(step, purpose, system=system, said=said)
    case.note(step.state, text, step=step.name, detail=detail)


def circuit_changed(system: System, now: datetime) -> None:
    """On closing, what waited for the system is due at once."""
    if system.circuit == Circuit.CLOSED:
        Step.objects.filter(system=system, state=State.SCHEDULED, kind=Kind.OUTAGE).update(
            due_at=now
        )
