"""Following a runbook: one step at a time, each with who, when, what came of it and the evidence.

Steps only go forward. A failed step halts the run: a person looks or acts again, skips it with a
reason, or stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.incidents import notices, steps, timeline
from controltower.incidents.models import (
    Cause,
    EntryKind,
    Incident,
    Run,
    RunbookState,
    RunbookVersion,
    RunState,
    RunStep,
    StepState,
)
from controltower.incidents.timeline import TOWER, Figures
from controltower.transactions import bell

AT_HAND = (StepState.NOW, StepState.UNDER_WAY, StepState.FAILED)
"""The one step of a run that can be worked on."""
NOTES, MOST_EVIDENCE = "notes", 600
"""Under what a step's evidence keeps what people have added, and how much of it at once."""


class NotAllowed(Exception):
    """This person may not follow runbooks; the text says who may."""


class NotApproved(Exception):
    """Only an approved version that has not expired may be followed."""


class ReasonMissing(Exception):
    """This needs a reason."""


class MovedOn(Exception):
    """The run is at another step meanwhile, or over."""


def start(
    *,
    version: RunbookVersion,
    incident: Incident | None = None,
    cause: Cause | None = None,
    by: Person,
    now: datetime,
) -> Run:
    """Begin to follow an approved version; a run of it for the same matter is gone on with.
    Raises NotAllowed or NotApproved."""
    require(by, "start runbook", str(version), now)
    usable = version.expires_at is not None and version.expires_at > now
    if version.state != RunbookState.APPROVED or not usable:
        raise NotApproved
    with atomic():
        run, made = Run.objects.get_or_create(
            version=version,
            incident=incident,
            cause=cause,
            state__in=[RunState.RUNNING, RunState.HALTED],
            defaults={"started_by": by, "started_at": now, "state": RunState.RUNNING},
        )
        if not made:
            return run
        RunStep.objects.bulk_create(
            RunStep(run=run, position=place, rule=rule)
            for place, rule in enumerate(version.steps, start=1)
        )
        _come_to(run, 1, now)
        _tell(run, f"{_called(version)} is followed.", by, now)
    return run


def require(by: Person, verb: str, subject: str, now: datetime) -> None:
    """Only who may lead incidents may follow runbooks. Raises NotAllowed, recorded as a denial."""
    if not may(by, Right.LEAD_INCIDENT):
        audit.record(actor=by, verb=verb, subject=subject[:120], allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.LEAD_INCIDENT)} may do this.")


@contextmanager
def at_hand(run: Run, position: int) -> Iterator[RunStep]:
    """The step that is worked on, its run locked. Raises MovedOn."""
    with atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        step = row.steps.filter(position=position, state__in=AT_HAND).first()
        if row.is_over or step is None:
            raise MovedOn
        step.run = row
        yield step


def checked(
    *,
    run: Run,
    position: int,
    holds: bool,
    words: str,
    figures: Figures,
    by: Person | str,
    now: datetime,
) -> None:
    """A check, or what a wait waits for, was looked at: done, or for a check failed, which halts.
    Raises MovedOn."""
    with at_hand(run, position) as step:
        evidence = {"figures": list(figures)}
        if holds:
            _conclude(step, words, by=by, now=now, evidence=evidence)
        elif step.rule["kind"] == steps.CHECK:
            fail(step, words, by=by, now=now, evidence=evidence)


def choose(*, run: Run, position: int, choice: int, reason: str, by: Person, now: datetime) -> None:
    """Decide. Raises NotAllowed, ReasonMissing or MovedOn."""
    require(by, "decide in runbook", str(run.version), now)
    if not reason.strip():
        raise ReasonMissing
    with at_hand(run, position) as step:
        choices = step.rule.get("choices", ())
        if step.rule["kind"] != steps.DECIDE or not 0 <= choice < len(choices):
            raise MovedOn
        chosen = choices[choice]
        step.reason = reason[:300]
        _conclude(step, chosen["label"], by=by, now=now, to=chosen.get("to", steps.NEXT))


def skip(*, run: Run, position: int, reason: str, by: Person, now: datetime) -> None:
    """Leave a step out. Raises NotAllowed, ReasonMissing or MovedOn."""
    require(by, "skip in runbook", str(run.version), now)
    if not reason.strip():
        raise ReasonMissing
    with at_hand(run, position) as step:
        step.reason = reason[:300]
        _conclude(step, "Skipped.", by=by, now=now, state=StepState.SKIPPED)


def add_evidence(*, run: Run, position: int, text: str, by: Person, now: datetime) -> None:
    """Keep what somebody has seen or was told (a ticket, a call) with a step that has begun. Raises
    NotAllowed, ReasonMissing or MovedOn."""
    require(by, "add evidence in runbook", str(run.version), now)
    if not text.strip():
        raise ReasonMissing
    with atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        step = row.steps.filter(position=position).exclude(state=StepState.AHEAD).first()
        if step is None:
            raise MovedOn
        note = {"by": by.username, "at": now.isoformat(), "text": text[:MOST_EVIDENCE]}
        step.evidence = step.evidence | {NOTES: [*step.evidence.get(NOTES, ()), note]}
        step.save(update_fields=["evidence"])
        _tell(row, f"Evidence for step {position}, {step.rule['title']}: {note['text']}", by, now)


def stop(*, run: Run, reason: str, by: Person, now: datetime) -> None:
    """Give a run up. Raises NotAllowed, ReasonMissing or MovedOn."""
    require(by, "stop runbook", str(run.version), now)
    if not reason.strip():
        raise ReasonMissing
    with atomic():
        row = Run.objects.select_for_update().get(pk=run.pk)
        if row.is_over:
            raise MovedOn
        _end(row, RunState.STOPPED, f"{_called(row.version)} was stopped: {reason}", by, now)


def acted(
    step: RunStep, outcome: str, *, by: Person, now: datetime, evidence: dict[str, Any]
) -> None:
    """An act has worked; within `at_hand`."""
    _conclude(step, outcome, by=by, now=now, evidence=evidence)


def fail(
    step: RunStep, outcome: str, *, by: Person | str, now: datetime, evidence: dict[str, Any]
) -> None:
    """A step has failed and halts its run; within `at_hand`."""
    _write(step, StepState.FAILED, outcome, by, now, evidence)
    Run.objects.filter(pk=step.run_id).update(state=RunState.HALTED)
    said = f"Halted at step {step.position}, {step.rule['title']}: {outcome}"
    _tell(step.run, said, by, now, notices.HALTED)


def _conclude(
    step: RunStep,
    outcome: str,
    *,
    by: Person | str,
    now: datetime,
    evidence: dict[str, Any] | None = None,
    to: Any = None,
    state: StepState = StepState.DONE,
) -> None:
    _write(step, state, outcome, by, now, evidence or {})
    run = step.run
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    to, last = to or step.rule.get("to", steps.NEXT), run.steps.count()
    next_ = last + 1 if to == steps.END else step.position + 1 if to == steps.NEXT else int(to)
    said = f"Step {step.position}, {step.rule['title']}: {outcome}"
    asked = run.steps.filter(position=next_).exclude(rule__kind=steps.WAIT).exists()
    begins = notices.AT_HAND if asked else ""
    _tell(run, f"{said}\n“{step.reason}”" if step.reason else said, by, now, begins)
    between = run.steps.filter(position__gt=step.position, position__lt=next_)
    between.update(state=StepState.SKIPPED, outcome="Not needed on this way.", at=now)
    if next_ > last:
        _end(run, RunState.COMPLETED, f"{_called(run.version)} is done.", by, now)
    else:
        _come_to(run, next_, now)


def _write(
    step: RunStep, state: str, outcome: str, by: Person | str, now: datetime, evidence: Any
) -> None:
    step.state, step.outcome, step.at = state, outcome[:400], now
    step.by = by if isinstance(by, str) else by.username
    step.evidence = {NOTES: notes} | evidence if (notes := step.evidence.get(NOTES)) else evidence
    step.save()


def _come_to(run: Run, position: int, now: datetime) -> None:
    """The next step is at hand; a wait begins at once."""
    step = run.steps.get(position=position)
    step.state = StepState.NOW
    if step.rule["kind"] == steps.WAIT:
        step.state = StepState.UNDER_WAY
        step.until = now + timedelta(minutes=step.rule["minutes"])
    step.save()


def _end(run: Run, state: str, words: str, by: Person | str, now: datetime) -> None:
    Run.objects.filter(pk=run.pk).update(state=state, ended_at=now)
    _tell(run, words, by, now, notices.DONE)


def _called(version: RunbookVersion) -> str:
    """Its title in quotation marks, by which it is known in every language."""
    return f"“{version.runbook.title}”, version {version.number},"


def _tell(run: Run, words: str, by: Person | str, now: datetime, begins: str = "") -> None:
    """Write down what came of it. Nobody looks at what the tower does by itself: a message that
    `begins` so tells whoever leads the incident."""
    if run.incident is not None:
        entry = timeline.tell(run.incident, EntryKind.RUNBOOK, words, by=by, now=now)
        if begins and by == TOWER and run.incident.owner:
            notices.tell_named(entry, {run.incident.owner: begins})
    else:
        audit.record(
            actor=by, verb="follow runbook", subject=f"cause {run.cause_id}", allowed=True, now=now,
            detail={"run": run.pk, "text": words[:400]},
        )  # fmt: skip
    bell.ring("runs", "incidents", f"run-{run.pk}")


def waits_over(run: Run, position: int, now: datetime) -> None:
    """A wait's time has passed: it is over, or what it waited for has not come and it halts."""
    with at_hand(run, position) as step:
        if step.until is None or step.until > now:
            return
        if step.rule.get("what"):
            fail(step, "It has not come in time.", by=TOWER, now=now, evidence={})
        else:
            _conclude(step, "The time has passed.", by=TOWER, now=now)
