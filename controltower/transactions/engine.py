"""Plays a process: lays out a transaction's steps, moves it to the next ones, folds its state.

Everything here changes an opened case in memory (see `cases`). Nothing here calls a system: `drain`
does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from controltower.canonical.verdicts import Effect, Kind
from controltower.processes import catalogue
from controltower.processes.definition import Apart, Hold, Learn, Refuse, Skip, StepDefinition
from controltower.systems import calls
from controltower.systems.models import System
from controltower.transactions import books, parting, resolver
from controltower.transactions.cases import Case
from controltower.transactions.facts import conclude
from controltower.transactions.folding import fold
from controltower.transactions.models import Step
from controltower.transactions.protocol import FINISHED, STUCK, State
from controltower.transactions.references import fingerprint
from controltower.transactions.stored import worth_of

LEFT_OUT = "Not part of the route any more."
"""Of a step that the facts as they are now do not ask for; once they do again, it is played."""


def start(case: Case) -> None:
    """Lay out the steps and play the first ones."""
    _lay_out(case, case.definitions())
    advance(case)


def _lay_out(case: Case, defined: dict[str, StepDefinition]) -> None:
    there = {step.name for step in case.steps}
    for position, definition in enumerate(defined.values(), start=1):
        if definition.name not in there:
            case.steps.append(_planned(case, position, definition))
    for step in case.steps:
        if step.name in defined and (step.state, step.text) == (State.SKIPPED, LEFT_OUT):
            step.state, step.done_at, step.text = State.PLANNED, None, ""
            step.title, step.changed_at = defined[step.name].title, case.now
    places = {name: position for position, name in enumerate(defined, start=1)}
    for step in case.steps:
        step.position = places.get(step.name, step.position)
    case.steps.sort(key=lambda step: step.position)


def _planned(case: Case, position: int, definition: StepDefinition) -> Step:
    system = _player(case, definition) if definition.role else None
    return Step(
        transaction=case.transaction,
        name=definition.name,
        title=definition.title,
        position=position,
        system=system,
        entity=definition.entity,
        verb=definition.verb,
        effect=_effect(system, definition),
        changed_at=case.now,
    )


def _player(case: Case, definition: StepDefinition) -> System | None:
    """The system that plays a step's part; none where the one that would does not offer the step,
    for a described system offers what was described of it."""
    system = case.player(definition.role, definition.entity)
    return system if system and _offers(system, definition) else None


def _offers(system: System, definition: StepDefinition) -> bool:
    if definition.verb == "get":
        return True
    offered = calls.descriptor(system).operations
    return (definition.entity, definition.verb) in {(one.entity, one.verb) for one in offered}


def _effect(system: System | None, definition: StepDefinition) -> Effect:
    if system is None or definition.verb == "get":
        return Effect.READ
    return calls.operation(system, definition.entity, definition.verb).effect


def restart(case: Case) -> None:
    """Facts changed before anything was written: the route is laid anew and played from its
    start. Late answers to what was asked before do not count, nor what was concluded of it."""
    before, process = case.definitions(), catalogue.named(case.transaction.process)
    case.transaction.amount = worth_of(case.items, process, case.world, case.now)
    for step in case.steps:
        step.changed_at = case.now
        step.state, step.fence, step.lease_until = State.PLANNED, step.fence + 1, None
        step.kind = step.text = step.field = step.fingerprint = ""
        step.tries = step.deaths = 0
        step.done_at = None
        if step.name in before and not before[step.name].role:
            step.values = {}
    defined = case.definitions()
    for step in case.steps:
        if step.name not in defined:
            step.state, step.done_at, step.text = State.SKIPPED, case.now, LEFT_OUT
    _lay_out(case, defined)
    advance(case)


def close_gathering(case: Case, *, actor: str = "") -> None:
    """waiting{schedule} → in progress: the gathered work is billed now."""
    transaction = case.transaction
    transaction.gathering = False
    transaction.wait = transaction.wait_text = ""
    transaction.wait_until = None
    count = len(case.items)
    entries = "entry" if count == 1 else "entries"
    text = f"The billing run began with {count} approved {entries}."
    case.note("gathered", text, actor=actor)
    start(case)


def advance(case: Case) -> None:
    """Play inside steps and schedule outside ones until nothing more can begin; then fold."""
    played = True
    while played and any(step.state == State.PLANNED for step in case.steps):
        played = False
        defined = case.definitions()
        done = {step.name for step in case.steps if step.state in FINISHED}
        for step in case.steps:
            definition = defined.get(step.name)
            if step.state != State.PLANNED or definition is None:
                continue
            if not set(definition.needs) <= done:
                continue
            played = True
            if not definition.role:
                _play_inside(case, step, definition)
                break
            if _cast(case, step, definition):
                schedule(case, step)
            else:
                stop(case, step, Refuse(Kind.CONTRACT, _uncast(case, definition)))
    fold(case)
    case.touch()


def _cast(case: Case, step: Step, definition: StepDefinition) -> bool:
    """Whether a system plays the step's part; one that was set up later is taken now."""
    if step.system is None:
        step.system = _player(case, definition)
        step.effect = _effect(step.system, definition)
    return step.system is not None


def _uncast(case: Case, definition: StepDefinition) -> str:
    system = case.player(definition.role, definition.entity)
    if system is not None:
        return (
            f"{system.title} takes “{definition.entity}” here, but offers no “{definition.verb}” of"
            " it. Describe that of the system, or let a route name another one; then replay."
        )
    able = [system.title for system in case.world.able(definition.role)]
    if not able:
        return f"No system of the firm plays the part “{definition.role}” at present."
    company = case.transaction.entity or "a transaction without a company"
    choice = " or ".join(able)
    return f"No route says which system takes “{definition.entity}” for {company}: {choice}."


def schedule(case: Case, step: Step) -> None:
    """planned / parked / held → scheduled, due now."""
    step.state, step.due_at, step.changed_at = State.SCHEDULED, case.now, case.now
    step.lease_until = None
    case.has_work = True


def _play_inside(case: Case, step: Step, definition: StepDefinition) -> None:
    """A step inside the tower: a rule decides at once. What it learns may make the route longer;
    where facts have left, it is played again on those that stay."""
    given = case.facts()
    if definition.consults:
        given = replace(given, books=books.consulted(definition.consults, case))
    prepared = conclude(definition, given)
    if isinstance(prepared, Apart):
        for fresh in parting.part(case, prepared):
            start(fresh)
    elif isinstance(prepared, Learn):
        step.values = dict(prepared.values)
        if prepared.worth is not None:
            case.transaction.amount = prepared.worth
        step.kind = step.text = step.field = step.fingerprint = ""
        step.state, step.done_at, step.changed_at = State.VERIFIED, case.now, case.now
        case.note("done", f"{step.title}: {prepared.text or 'in order.'}", step=step.name)
        _lay_out(case, case.definitions())
    else:
        if isinstance(prepared, Refuse) and prepared.worth is not None:
            case.transaction.amount, case.transaction.exposure = prepared.worth, prepared.exposure
        stop(case, step, prepared)


def stop(case: Case, step: Step, prepared: Any) -> None:
    """A rule said no before anything was sent: skipped, held or parked."""
    step.changed_at, step.lease_until = case.now, None
    match prepared:
        case Skip(reason=reason):
            step.state, step.done_at, step.text = State.SKIPPED, case.now, reason[:600]
            text = f"{step.title}: not needed. {reason}"
        case Hold(kind=kind, text=reason, until=datetime() as until):
            step.state, step.kind, step.text = State.SCHEDULED, kind, reason[:600]
            step.due_at = until
            _read_then(case, step)
            text = f"{step.title}: {reason}"
        case Hold(kind=kind, text=reason):
            step.state, step.kind, step.text = State.HELD, kind, reason[:600]
            text = f"{step.title}: {reason}"
        case Refuse(kind=kind, text=reason, field=field):
            step.state, step.kind, step.text = State.PARKED, kind, reason[:600]
            step.field = field
            text = f"{step.title}: {reason}"
            text += " A person must decide." if kind == Kind.UNKNOWN else " Nothing was sent."
        case _:
            raise TypeError(f"a rule inside the tower may not answer {prepared!r}")
    mark_cause(case, step)
    case.note(step.state, text, step=step.name)


def _read_then(case: Case, step: Step) -> None:
    """A step that waits for its day rests on what its sources say on that day: they wait with it,
    and are read first."""
    for read in sources(case, step):
        read.state, read.changed_at, read.lease_until = State.SCHEDULED, case.now, None
        read.kind, read.text, read.due_at = step.kind, step.text, step.due_at
        step.state = State.PLANNED


def mark_cause(case: Case, step: Step) -> None:
    """Name the cause of a stuck step, by which exceptions are grouped, and keep that somebody was
    needed."""
    if step.state in STUCK:
        case.transaction.needed_person = True
        system = step.system.slug if step.system else "tower"
        step.fingerprint = fingerprint(step.name, system, step.kind, step.text, step.field)
        case.touch("exceptions")


def reconsider(case: Case, *, why: str) -> None:
    """Facts or decisions changed: stuck steps that never left the tower are played anew."""
    for step in case.steps:
        if step.state in STUCK and step.kind != Kind.UNKNOWN:
            again(case, step, why=why)
    advance(case)


def again(
    case: Case, step: Step, *, why: str, actor: str = "", after: timedelta = timedelta(0)
) -> None:
    """parked / held → taken up again: the way of every replay. The idempotency key stays.

    What may have arrived is asked for (unknown). Otherwise what the step reads from its sources
    is read anew first, so that a correction made there counts.
    """
    step.tries = step.probes = step.absences = step.deaths = 0
    step.fence += 1
    step.due_at, step.changed_at = case.now + after, case.now
    step.lease_until = None
    case.note("again", f"{step.title}: taken up again, {why}.", step=step.name, actor=actor)
    sent, confirmed = step.sent_at is not None, bool(step.ref)
    effect = Effect(step.effect)
    step.state = resolver.taken_up(effect, step.kind, sent=sent, confirmed=confirmed)
    reads = sources(case, step) if step.state == State.SCHEDULED else []
    if reads or step.system is None:
        step.state = State.PLANNED
    for read in reads:
        schedule(case, read)
        read.due_at = step.due_at
    case.has_work = case.has_work or step.system is not None
    case.touch("exceptions")


def sources(case: Case, step: Step) -> list[Step]:
    """The finished reads that a step rests on directly."""
    needs = case.definitions()[step.name].needs
    return [
        one
        for one in case.steps
        if one.name in needs
        and one.effect == Effect.READ
        and one.system is not None
        and one.state == State.VERIFIED
    ]


def decide(case: Case, *, decision: str, value: Any, actor: str, text: str) -> None:
    """Record a person's decision and play on with it."""
    case.transaction.decisions = {**case.transaction.decisions, decision: value}
    case.note("decided", text, actor=actor)
    reconsider(case, why=f"{actor} decided")


def end(case: Case, *, state: str, text: str, actor: str) -> None:
    """A person ends the transaction: resolved elsewhere, cancelled or written off."""
    for step in case.steps:
        if step.state not in FINISHED:
            step.state, step.changed_at, step.lease_until = State.CANCELLED, case.now, None
    transaction = case.transaction
    transaction.state, transaction.wait, transaction.wait_text = state, "", ""
    transaction.gathering = False
    transaction.ended_at = transaction.changed_at = case.now
    case.note(state, text, actor=actor)
    case.touch("exceptions")
