"""What a runbook's checks and waits look at, computed by us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from controltower.firm.models import Period, Person
from controltower.incidents import acts, runs, steps
from controltower.incidents.models import Run, RunState, RunStep, StepState
from controltower.incidents.timeline import TOWER
from controltower.measures import at_stake
from controltower.systems.models import Circuit
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import STUCK


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look has found: whether it is as the step wants it, in words; the figures of the
    moment are kept beside."""

    holds: bool
    words: str


def look(*, run: Run, position: int, by: Person | str, now: datetime) -> Finding:
    """Look at what the step at hand checks or waits for and keep what was found, which for a wait
    that goes on is nothing. Raises runs.NotAllowed or runs.MovedOn."""
    if isinstance(by, Person):
        runs.require(by, "check in runbook", str(run.version), now)
    rule = run.version.steps[position - 1] if 0 < position <= len(run.version.steps) else {}
    if rule.get("kind") not in {steps.CHECK, steps.WAIT} or not rule.get("what"):
        raise runs.MovedOn
    rows = at_stake.run_hangs_on(run)
    found = LOOKS[rule["what"]](run, rows)
    runs.checked(
        run=run, position=position, holds=found.holds, words=found.words,
        figures=at_stake.figures(rows, now), by=by, now=now,
    )  # fmt: skip
    return found


def beat(*, now: datetime) -> None:
    """Look for those that wait, and see to replays that have ended."""
    acts.follow(now=now)
    waiting = RunStep.objects.filter(
        state=StepState.UNDER_WAY, plan=None, run__state=RunState.RUNNING
    ).select_related("run__version", "run__incident", "run__cause")
    for step in waiting:
        try:
            if step.rule.get("what"):
                look(run=step.run, position=step.position, by=TOWER, now=now)
            runs.waits_over(step.run, step.position, now)
        except runs.MovedOn:
            continue


def _reachable(run: Run, _rows: QuerySet[Transaction]) -> Finding:
    try:
        system = acts.system_of(run)
    except acts.NoSystem:
        return Finding(True, "No system is involved: our own check stopped it.")
    if system.paused_at is not None:
        return Finding(False, f"{system} is paused: {system.pause_reason}")
    if system.circuit != Circuit.CLOSED:
        return Finding(False, f"{system} does not answer: {system.last_failure}"[:400])
    return Finding(True, f"{system} answers.")


def _period(_run: Run, rows: QuerySet[Transaction]) -> Finding:
    """The months in which what is stuck was to be posted, as the ERP says of them."""
    stuck = Step.objects.filter(transaction__in=rows.values("pk"), state__in=STUCK)
    wanted = {
        (entity, str(sent.get("invoice_date", ""))[:7])
        for entity, sent in stuck.values_list("transaction__entity", "sent")
    }
    closed = Period.objects.filter(closed=True, entity__in={entity for entity, _month in wanted})
    months = {month for _entity, month in wanted if month}
    shut = [
        str(period)
        for period in closed.select_related("entity")
        if (period.entity_id, period.month) in wanted or not months
    ]
    if shut:
        return Finding(False, f"Closed: {', '.join(sorted(shut)[:6])}.")
    return Finding(True, "No period that is concerned is closed.")


def _nothing(_run: Run, rows: QuerySet[Transaction]) -> Finding:
    if rows.exists():
        return Finding(False, "Some of it is still stuck.")
    return Finding(True, "Nothing of it is stuck any more.")


def _how_many(_run: Run, rows: QuerySet[Transaction]) -> Finding:
    return Finding(True, "Written down." if rows.exists() else "Nothing of it is stuck any more.")


LOOKS: dict[str, Callable[[Run, QuerySet[Any]], Finding]] = {
    steps.REACHABLE: _reachable,
    steps.PERIOD_OPEN: _period,
    steps.NOTHING_STUCK: _nothing,
    steps.HOW_MANY: _how_many,
}
