"""Doubts that only a person can end: somebody looks in the target and says what they found there.

"Not there" sends the step again, once, under the next generation of its key; "there, under this
number" has the number read and compared before it counts. Above a limit a second person confirms.
What was found speaks of the step as it was: when it has moved since, the finding is out of date.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from controltower.canonical.verdicts import Effect, Kind
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.systems import calls
from controltower.transactions import cases, engine, resolver
from controltower.transactions.cases import Case
from controltower.transactions.consent import NotAllowed, deny, needs_second_person, require
from controltower.transactions.models import Finding, Step
from controltower.transactions.protocol import MOST_TRIES, State, patience


class NotDecidable(Exception):
    """There is nothing to decide here, not yet, or not any more; the text says why."""


class ProofMissing(Exception):
    """A finding needs a reason, and what was looked at in the target."""


def decidable(step: Step) -> bool:
    """Whether only a person who looks in the target can end this step's doubt."""
    return resolver.for_people_alone(Effect(step.effect), State(step.state), step.kind)


def settled_at(step: Step) -> datetime | None:
    """When the target has ended whatever it was sent (UTC): a look before that proves nothing.
    None when the tower knows of no send."""
    if step.sent_at is None or step.system is None:
        return None
    declared = calls.operation(step.system, step.entity, step.verb).quarantine
    return step.sent_at + patience(step.system.deadline, MOST_TRIES) + declared


def open_finding(step: Step) -> Finding | None:
    """What waits for a second person's word about this step."""
    return Finding.objects.filter(step=step, state=Finding.State.PROPOSED).first()


def report(
    *, step: Step, fence: int, ref: str, evidence: str, reason: str, by: Person, now: datetime
) -> Finding:
    """A person looked in the target: there under `ref`, or ("") not there.

    parked → scheduled (not there) or unknown (there: the number is read first); above the limit
    the step stays until `decide`. Raises NotAllowed, ProofMissing, NotDecidable.
    """
    require(by, Right.RESOLVE, "report finding", step.transaction, now)
    if not (reason.strip() and evidence.strip()):
        raise ProofMissing
    with cases.case_of(step.transaction, now=now) as case:
        current = _as_it_was(case, step.pk, fence)
        if open_finding(current) is not None:
            raise NotDecidable("Somebody has reported already; a second person must decide.")
        found = Finding.objects.create(
            step=current, fence=fence, generation=current.generation, ref=ref.strip()[:120],
            evidence=evidence[:400], reason=reason[:300], reported_by=by, reported_at=now,
        )  # fmt: skip
        _audit(found, "report finding", by, case)
        if needs_second_person(case.transaction):
            text = f"{current.title}: {_words(found)} A second person must confirm."
            case.note("reported", text, step=current.name, actor=by.username)
            case.touch("exceptions")
        else:
            _carry_out(case, current, found)
    return found


def decide(*, finding: Finding, confirm: bool, by: Person, now: datetime) -> Finding:
    """The second person's word: carry the finding out, or refuse it.

    Raises NotAllowed (also for the person who reported) or NotDecidable.
    """
    transaction = finding.step.transaction
    require(by, Right.APPROVE_REPLAY, "decide finding", transaction, now)
    if by.pk == finding.reported_by_id:
        deny(by, "decide finding", transaction, now)
        raise NotAllowed("Whoever looked may not confirm it: another person must.")
    moved = ""
    with cases.case_of(transaction, now=now) as case:
        row = Finding.objects.select_for_update().select_related("reported_by").get(pk=finding.pk)
        if row.state != Finding.State.PROPOSED:
            raise NotDecidable("This has been decided already.")
        row.decided_by, row.decided_at = by, now
        try:
            step = _as_it_was(case, row.step_id, row.fence)
        except NotDecidable as gone:
            moved, row.state = str(gone), Finding.State.OUTDATED
        else:
            _audit(row, "confirm finding" if confirm else "refuse finding", by, case)
            if confirm:
                _carry_out(case, step, row)
            else:
                row.state = Finding.State.REFUSED
                text = f"{step.title}: {by} did not confirm what {row.reported_by} found."
                case.note("refused", text, step=step.name, actor=by.username)
        row.save()
        case.touch("exceptions")
    if moved:
        raise NotDecidable(moved)
    return row


def number_given(step: Step) -> str:
    """Under which number a person found the step in the target, of its present key; or ""."""
    found = Finding.objects.filter(
        step=step, state=Finding.State.CARRIED_OUT, generation=step.generation
    )
    return found.exclude(ref="").values_list("ref", flat=True).first() or ""


def absent_since(step: Step, moment: datetime) -> bool:
    """Whether a person found it absent after a moment."""
    found = Finding.objects.filter(step=step, state=Finding.State.CARRIED_OUT, ref="")
    return found.filter(reported_at__gte=moment).exists()


def _as_it_was(case: Case, pk: UUID, fence: int) -> Step:
    step = next(one for one in case.steps if one.pk == pk)
    if not decidable(step) or step.fence != fence:
        raise NotDecidable("It has moved since you looked. Look at the page again.")
    until = settled_at(step)
    if until is not None and until > case.now:
        seconds = (until - case.now) / timedelta(seconds=1)
        raise NotDecidable(
            f"The target may still be at work on it for {seconds:.0f} s: look again after that."
        )
    return step


def _carry_out(case: Case, step: Step, found: Finding) -> None:
    """Through the resolver's own door, so that nothing is sent past it."""
    found.state = Finding.State.CARRIED_OUT
    found.save()
    actor = found.reported_by.username
    case.note("decided", f"{step.title}: {_words(found)}", step=step.name, actor=actor)
    if found.ref:
        engine.again(case, step, why=f"found there as {found.ref}", actor=actor)
        step.state = State.UNKNOWN
    else:
        step.generation += 1
        step.kind, step.ref = Kind.NOT_FOUND, ""
        engine.again(case, step, why="found not to be there", actor=actor)
    engine.advance(case)


def _words(found: Finding) -> str:
    there = f"is there as {found.ref}" if found.ref else "is not there, and may be sent again"
    who = found.reported_by
    second = f", confirmed by {found.decided_by}" if found.decided_by else ""
    return f"{who} looked ({found.evidence}): it {there}{second}. {found.reason}"


def _audit(found: Finding, verb: str, by: Person, case: Case) -> None:
    entity = case.transaction.entity
    audit.record(
        actor=by, verb=verb, subject=case.transaction.reference, allowed=True, now=case.now,
        entity=entity.code if entity else "",
        detail={"step": found.step.name, "there_as": found.ref, "evidence": found.evidence,
                "reason": found.reason},
    )  # fmt: skip
