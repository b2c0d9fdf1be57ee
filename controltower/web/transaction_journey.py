"""The journey and the steps of a transaction, as hops across systems on one time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.systems.models import System
from controltower.transactions.facts import definitions, facts
from controltower.transactions.models import Attempt, Step, Transaction, TransactionState
from controltower.transactions.protocol import FINISHED, Purpose, State, Tried
from controltower.web import formats, marks, standing
from controltower.web.charts.journey import Hop, Journey, Try
from controltower.web.sayings import heard

MOST_HOPS = 14
FAILED = (Tried.FAILED_TRANSIENT, Tried.FAILED_PERMANENT, Tried.UNKNOWN)
AHEAD = (State.SCHEDULED, State.UNKNOWN, State.ACKED)

Steps = Mapping[UUID, Sequence[Step]]
Attempts = Mapping[UUID, Sequence[Attempt]]


def planned_steps(one: Transaction, now: datetime) -> list[Step]:
    """The steps that work still being gathered will take; never saved."""
    try:
        known = facts(one, now)
        ahead = definitions(one, known).values()
    except (KeyError, ValueError):
        return []
    systems = {system.role: system for system in System.objects.filter(active=True)}
    return [
        Step(
            transaction=one,
            name=step.name,
            title=step.title,
            position=position,
            system=systems.get(step.role) if step.role else None,
            entity=step.entity,
            verb=step.verb,
            text=_("Waits for the billing run"),
            changed_at=one.changed_at,
        )
        for position, step in enumerate(ahead, start=1)
    ]


def journey_of(
    chosen: Transaction,
    parts: Sequence[Transaction],
    steps: Steps,
    attempts: Attempts,
    now: datetime,
) -> Journey:
    """Every outside step of every part while they fit; else the other parts as one hop each."""
    whole = sum(1 for one in parts for step in steps.get(one.pk, ()) if step.system)
    hops: list[Hop] = []
    for one in parts:
        if one.pk == chosen.pk or whole <= MOST_HOPS:
            hops += _hops(one, steps.get(one.pk, ()), attempts, now)
        else:
            hops.append(_one_hop(one))
    open_ = not chosen.is_over
    return Journey(
        hops=tuple(hops),
        today=now,
        now=now if open_ else None,
        deadline=chosen.due_at if open_ else None,
    )


def _one_hop(one: Transaction) -> Hop:
    return Hop(
        system=heard(standing.process_title(one.process)),
        title=formats.amount(one.amount, one.currency),
        mark=marks.state_mark("transaction", one.state),
        started=one.started_at,
        ended=one.ended_at,
        url=standing.url_of(one),
    )


def _hops(one: Transaction, steps: Sequence[Step], attempts: Attempts, now: datetime) -> list[Hop]:
    hops = []
    if one.gathering:
        hops.append(
            Hop(
                system=heard(standing.process_title(one.process)),
                title=_("Gather work"),
                mark=marks.state_mark("transaction", TransactionState.WAITING),
                started=one.started_at,
            )
        )
    hops += [
        _hop(one, step, steps, attempts.get(step.pk, ()), now)
        for step in steps
        if step.system is not None or step.state in standing.STUCK
    ]
    return hops


def _hop(
    one: Transaction, step: Step, steps: Sequence[Step], tries: Sequence[Attempt], now: datetime
) -> Hop:
    sends = [one_try for one_try in tries if one_try.purpose != Purpose.READ_BACK]
    started = began(step, tries)
    due = step.due_at
    return Hop(
        system=step.system.title if step.system else _("Control Tower"),
        title=heard(step.title),
        mark=marks.state_mark("step", step.state),
        started=started,
        ended=step.done_at if step.state in FINISHED and started else None,
        tries=tuple(
            Try(number, one_try.started_at, one_try.state in FAILED, one_try.text)
            for number, one_try in enumerate(sends, start=1)
        ),
        next_try=due if step.state in AHEAD and due and due > now and sends else None,
        waits_for=waits_for(step, steps),
        url=standing.url_of(one, step=step.name),
    )


def began(step: Step, tries: Sequence[Attempt]) -> datetime | None:
    """When a step was first taken up; None while it has not been, or was not needed."""
    if tries:
        return tries[0].started_at
    if step.state in {*standing.STUCK, State.VERIFIED}:
        return step.done_at or step.changed_at
    return None


def waits_for(step: Step, steps: Sequence[Step]) -> str:
    """Why a step has not begun, in words; "" once it has."""
    if step.state == State.SKIPPED:
        return step.text or _("Not needed")
    if step.state == State.CANCELLED:
        return _("Ended before its turn")
    if step.state != State.PLANNED or step.text:
        return step.text if step.state == State.PLANNED else ""
    before = [one for one in steps if one.position < step.position and not one.done_at]
    if not before:
        return _("Its turn comes next")
    return _("Waits for step %(number)d") % {"number": before[0].position}


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step in the list of steps."""

    number: int
    title: str
    system: str
    state: str
    url: str
    current: bool
    took: timedelta | None
    note: str


def steps_of(
    one: Transaction,
    steps: Sequence[Step],
    attempts: Attempts,
    current: Step | None,
    now: datetime,
) -> list[StepLine]:
    """The list of steps, the chosen one marked."""
    return [
        StepLine(
            number=step.position,
            title=step.title,
            system=step.system.title if step.system else "",
            state="unknown" if standing.in_doubt(step) else step.state,
            url=standing.url_of(one, step=step.name),
            current=step is current,
            took=_took(step, attempts.get(step.pk, ()), now),
            note=_note(step, steps, attempts.get(step.pk, ()), now),
        )
        for step in steps
    ]


def _took(step: Step, tries: Sequence[Attempt], now: datetime) -> timedelta | None:
    started = began(step, tries)
    if started is None:
        return None
    if step.done_at:
        return step.done_at - started if tries else None
    return now - started


def _note(step: Step, steps: Sequence[Step], tries: Sequence[Attempt], now: datetime) -> str:
    words = waits_for(step, steps)
    if words:
        return words
    started = began(step, tries)
    parts = [formats.when(started, now, zone=False)] if started else []
    sends = sum(1 for one in tries if one.purpose != Purpose.READ_BACK)
    if sends:
        parts.append(ngettext("%(n)d try", "%(n)d tries", sends) % {"n": sends})
    if step.mapping_version:
        parts.append(f"v{step.mapping_version.number}")
    return " · ".join(parts)
