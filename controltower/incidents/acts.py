"""The acts of a runbook: each goes through the product's own verb, with that verb's rights, plans
and second persons; there is no other path."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from controltower.firm.models import Person
from controltower.incidents import runs, settling, steps, triage
from controltower.incidents.models import Cause, DeadLetter, Run, RunStep, Settlement, StepState
from controltower.incidents.timeline import TOWER
from controltower.processes import catalogue
from controltower.systems import upkeep
from controltower.systems.models import System
from controltower.transactions import clock, replay
from controltower.transactions.models import PlanState, Step, Transaction
from controltower.transactions.protocol import STUCK

NOTHING = "Nothing of it is stuck any more."
CLAIMED_FOR = timedelta(minutes=5)
"""After this long an act that was cut short may be begun again."""
OVER = (PlanState.COMPLETED, PlanState.WITH_FAILURES, PlanState.CANCELLED, PlanState.STALE)
WORDS = {
    PlanState.COMPLETED: "All of the replay was read back from its target.",
    PlanState.WITH_FAILURES: "Some of the replay failed again.",
    PlanState.CANCELLED: "The replay was stopped.",
    PlanState.STALE: "The plan is out of date: plan again.",
}


class NoSystem(Exception):
    """The run is about no system."""


def perform(*, run: Run, position: int, reason: str, by: Person, now: datetime) -> None:
    """Do what the step at hand says. Raises what the verb itself raises, NoSystem,
    runs.ReasonMissing or runs.MovedOn; then the step is at hand as before.

    The act runs outside of the step's own database transaction, so that what it refuses is
    recorded; a claim keeps a second person from doing it at the same time.
    """
    runs.require(by, "act in runbook", str(run.version), now)
    with runs.at_hand(run, position) as step:
        what, before = str(step.rule.get("what")), step.state
        if step.rule["kind"] != steps.ACT or _is_claimed(step, now):
            raise runs.MovedOn
        if what not in steps.WITHOUT_REASON and not reason.strip():
            raise runs.ReasonMissing
        step.state, step.by, step.at = StepState.UNDER_WAY, by.username, now
        step.reason, step.plan = reason[:300], None
        step.save()
    try:
        ACTS[what](step, reason, by, now)
    except Exception:
        RunStep.objects.filter(pk=step.pk, state=StepState.UNDER_WAY).update(state=before)
        raise


def _is_claimed(step: RunStep, now: datetime) -> bool:
    """Whether somebody is at it, or a replay has it."""
    if step.state != StepState.UNDER_WAY:
        return False
    return step.plan_id is not None or step.at is None or now - step.at < CLAIMED_FOR


def causes_of(run: Run) -> list[Cause]:
    """The causes that a run is about."""
    if run.cause is not None:
        return [run.cause]
    assert run.incident is not None
    return list(run.incident.causes.all())


def system_of(run: Run) -> System:
    """The system that a run is about. Raises NoSystem."""
    own = run.incident.systems.first() if run.incident else None
    found = own or next((one.system for one in causes_of(run) if one.system), None)
    if found is None:
        raise NoSystem
    return found


def _letters(run: Run, by: Person) -> list[DeadLetter]:
    return [letter for cause in causes_of(run) for letter in triage.open_letters(cause, by)]


def _transactions(run: Run, by: Person) -> list[Transaction]:
    return list(
        {letter.transaction_id: letter.transaction for letter in _letters(run, by)}.values()
    )


def _replay(step: RunStep, _reason: str, by: Person, now: datetime) -> None:
    stuck = [found for letter in _letters(step.run, by) for found in _to_replay(letter)]
    if not stuck:
        _done(step, NOTHING, by, now, {})
        return
    causes = [cause.pk for cause in causes_of(step.run)]
    step.plan = replay.plan(
        steps=stuck,
        title=f"{step.run.version.runbook}: {len(stuck)}",
        selection={"run": step.run_id, "causes": causes, "count": len(stuck)},
        mapping="now",
        by=by,
        now=now,
    )
    step.save(update_fields=["plan"])


def _to_replay(letter: DeadLetter) -> list[UUID]:
    """The step that is stuck; of an absence, what is stuck of whatever should have ended it in the
    same chain."""
    awaited = [one.name for one in catalogue.PROCESSES if _ends(one, letter.step.name)]
    if not awaited:
        return [letter.step_id]
    chain = letter.transaction.correlation_id
    late = Step.objects.filter(
        transaction__process__in=awaited, transaction__correlation_id=chain, state__in=STUCK
    )
    return list(late.values_list("pk", flat=True))


def _ends(process: catalogue.Process, milestone: str) -> bool:
    return process.reaches is not None and process.reaches.name == milestone


def follow(*, now: datetime) -> int:
    """See how the replays of runs have ended; returns how many have. Rung by the bell and
    repeated, so that a lost signal loses nothing."""
    ended = RunStep.objects.filter(state=StepState.UNDER_WAY, plan__state__in=OVER)
    count = 0
    for row in ended.select_related("run"):
        with suppress(runs.MovedOn), runs.at_hand(row.run, row.position) as step:
            assert step.plan is not None
            plan, words = step.plan, WORDS[PlanState(step.plan.state)]
            evidence = {"plan": str(plan.pk), "items": plan.items.count()}
            if plan.state == PlanState.COMPLETED:
                runs.acted(step, words, by=plan.requested_by, now=now, evidence=evidence)
            else:
                runs.fail(step, words, by=TOWER, now=now, evidence=evidence)
            count += 1
    return count


def on_bell(sender: Any, topics: frozenset[str], **_: Any) -> None:
    """The bell's receiver: a job has moved."""
    if "jobs" in topics:
        follow(now=clock.now())


def _pause(step: RunStep, reason: str, by: Person, now: datetime) -> None:
    system = system_of(step.run)
    upkeep.pause(system=system, reason=reason, by=by, now=now)
    words = f"{system} is paused; its work queues."
    _done(step, words, by, now, {"system": system.slug})


def _resume(step: RunStep, _reason: str, by: Person, now: datetime) -> None:
    system = system_of(step.run)
    upkeep.resume(system=system, by=by, now=now)
    _done(step, f"{system} is called again.", by, now, {"system": system.slug})


def _decide(step: RunStep, reason: str, by: Person, now: datetime) -> None:
    decided = 0
    for one in _transactions(step.run, by):
        with suppress(triage.NotWaiting):
            triage.decide(
                transaction=one, decision=step.rule["what"], by=by, reason=reason, now=now
            )
            decided += 1
    words = f"Decided for {decided}." if decided else NOTHING
    _done(step, words, by, now, {"decided": decided})


def _settle(step: RunStep, reason: str, by: Person, now: datetime) -> None:
    chosen = _transactions(step.run, by)
    if not chosen:
        _done(step, NOTHING, by, now, {"ended": 0})
        return
    discard = step.rule["what"] == steps.WRITE_OFF
    made = settling.settle(transactions=chosen, reason=reason, by=by, now=now, discard=discard)
    words = f"{made.ended} ended, with the reason."
    if made.state == Settlement.State.PROPOSED:
        words = "Proposed: so much money is at stake that a second person must agree."
    _done(step, words, by, now, {"ended": made.ended})


def _done(step: RunStep, words: str, by: Person, now: datetime, evidence: dict[str, Any]) -> None:
    with runs.at_hand(step.run, step.position) as row:
        runs.acted(row, words, by=by, now=now, evidence=evidence)


ACTS: dict[str, Callable[[RunStep, str, Person, datetime], None]] = {
    steps.REPLAY: _replay,
    steps.PAUSE: _pause,
    steps.RESUME: _resume,
    steps.NEXT_PERIOD: _decide,
    steps.REOPENED: _decide,
    steps.CREDIT: _decide,
    steps.WRITE_AGAIN: _decide,
    steps.LET_STAND: _decide,
    steps.ELSEWHERE: _settle,
    steps.WRITE_OFF: _settle,
}
