"""How far a chain has come from deal to cash: its milestones with dates, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from controltower.firm.models import Role
from controltower.processes import catalogue, quote_to_cash
from controltower.processes.definition import Milestone, Process
from controltower.transactions.models import REACHED, Expectation, Transaction
from controltower.web import standing
from controltower.web.sayings import heard
from controltower.web.transaction_chain import Chain

_PROCESSES = {process.name: process for process in catalogue.PROCESSES}


@dataclass(frozen=True, slots=True)
class Point:
    """One milestone of a chain: "done", "expected", "overdue", "waived", "ahead", or "untold" when
    the chain has gone on without anybody telling of it.

    `at` is when it was reached or, as long as it is not, when it is due. `count` says how often it
    was reached, where that may be more than once; `url` leads to what stands for its absence.
    """

    title: str
    state: str
    at: datetime | None = None
    count: str = ""
    owner: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """One time that a milestone was reached (`met_at`), or is waited for."""

    met_at: datetime | None
    due_at: datetime | None = None
    is_waived: bool = False
    owner_role: str = ""
    watch: Transaction | None = None


def points_of(chain: Chain, now: datetime) -> list[Point]:
    """The milestones in order; none where the chain has no process that knows of any."""
    rows = Expectation.objects.filter(correlation_id=chain.chosen.correlation_id)
    kept = list(rows.select_related("watch"))
    played = [one for one in chain.parts if one.process in _PROCESSES]
    found = [(each, _waits(each, kept, played)) for each in quote_to_cash.MILESTONES]
    if not any(waits for _milestone, waits in found):
        return []
    points = [_point(milestone, waits, now) for milestone, waits in found]
    reached = max((n for n, one in enumerate(points) if one.state == "done"), default=-1)
    return [
        replace(one, state="untold") if one.state == "ahead" and n < reached else one
        for n, one in enumerate(points)
    ]


def _waits(
    milestone: Milestone, kept: Sequence[Expectation], played: Sequence[Transaction]
) -> list[Wait]:
    """What is kept of a milestone; for one that needs no row, what the transactions themselves
    show."""
    rows = [
        Wait(row.met_at, row.due_at, row.is_waived, row.owner_role, row.watch)
        for row in kept
        if row.milestone == milestone.name
    ]
    shown = [wait for one in played if (wait := _shown_by(one, milestone))]
    return rows or (shown if milestone.each else shown[-1:])


def _shown_by(one: Transaction, milestone: Milestone) -> Wait | None:
    process: Process = _PROCESSES[one.process]
    if process.begins == milestone:
        return Wait(met_at=one.started_at)
    if process.reaches != milestone:
        return None
    if one.state in REACHED:
        return Wait(met_at=one.ended_at)
    return None if one.is_over else Wait(None, one.due_at, owner_role=process.owner_role)


def _point(milestone: Milestone, waits: Sequence[Wait], now: datetime) -> Point:
    title = _(milestone.title)
    missing = [wait for wait in waits if wait.met_at is None and not wait.is_waived]
    met = [wait.met_at for wait in waits if wait.met_at is not None]
    count = f"{len(met)}/{len(waits)}" if len(waits) > 1 else ""
    if missing:
        first = min(missing, key=lambda wait: (wait.due_at is None, wait.due_at or now))
        late = first.watch is not None or (first.due_at is not None and first.due_at < now)
        return Point(
            title=title,
            state="overdue" if late else "expected",
            at=first.due_at,
            count=count,
            owner=str(heard(Role(first.owner_role).label)) if first.owner_role else "",
            url=standing.url_of(first.watch) if first.watch else "",
        )
    if met:
        return Point(title, "done", max(met), count)
    waived = next((wait for wait in waits if wait.is_waived), None)
    if waived is None:
        return Point(title, "ahead")
    return Point(title, "waived", url=standing.url_of(waived.watch) if waived.watch else "")
