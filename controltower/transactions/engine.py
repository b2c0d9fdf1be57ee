"""Plays a process: starts transactions, moves them to their next steps, folds their state.

Callers hold the transaction's row lock. Nothing here calls a system: `drain` does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from controltower import queues
from controltower.canonical.verdicts import Effect, Kind
from controltower.processes.definition import Hold, Learn, Refuse, Skip, StepDefinition
from controltower.systems import calls
from controltower.systems.models import System
from controltower.transactions import bell
from controltower.transactions.facts import conclude, definitions, facts
from controltower.transactions.folding import fold
from controltower.transactions.models import (
    BusinessKey,
    Step,
    TimelineEntry,
    Transaction,
)
from controltower.transactions.protocol import FINISHED, State
from controltower.transactions.references import fingerprint


def note(
    transaction: Transaction,
    kind: str,
    text: str,
    *,
    now: datetime,
    step: str = "",
    actor: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write the timeline entry that belongs to a change, in the same database transaction."""
    TimelineEntry.objects.create(
        transaction=transaction,
        at=now,
        kind=kind,
        step=step,
        actor=actor,
        text=text[:600],
        detail=detail or {},
    )


def add_key(transaction: Transaction, kind: str, value: str) -> None:
    """Make the transaction findable under one more name."""
    BusinessKey.objects.get_or_create(transaction=transaction, kind=kind, value=value[:120])


def start(transaction: Transaction, *, now: datetime) -> None:
    """Lay out the steps and play the first ones."""
    known = facts(transaction, now)
    systems = {system.role: system for system in System.objects.filter(active=True)}
    steps = [
        _planned(transaction, position, definition, systems.get(definition.role), now)
        for position, definition in enumerate(definitions(transaction, known).values(), start=1)
    ]
    Step.objects.bulk_create(steps)
    advance(transaction, now=now)


def _planned(
    transaction: Transaction,
    position: int,
    definition: StepDefinition,
    system: System | None,
    now: datetime,
) -> Step:
    return Step(
        transaction=transaction,
        name=definition.name,
        title=definition.title,
        position=position,
        system=system,
        entity=definition.entity,
        verb=definition.verb,
        effect=_effect(system, definition),
        changed_at=now,
    )


def _effect(system: System | None, definition: StepDefinition) -> Effect:
    if system is None or definition.verb == "get":
        return Effect.READ
    return calls.operation(system, definition.entity, definition.verb).effect


def _cast(step: Step, definition: StepDefinition) -> bool:
    """Whether a system plays the step's part; one that was set up later is taken now."""
    if step.system is None:
        step.system = System.objects.playing(definition.role).first()
        step.effect = _effect(step.system, definition)
    return step.system is not None


def restart(transaction: Transaction, *, now: datetime) -> None:
    """Facts changed before anything was written: the route is laid anew and played from its
    start. Late answers to what was asked before do not count."""
    defined = definitions(transaction, facts(transaction, now))
    transaction.steps.exclude(name__in=defined).update(
        state=State.SKIPPED, text="Not part of the route any more.", done_at=now, changed_at=now
    )
    transaction.steps.filter(name__in=defined).update(
        state=State.PLANNED, fence=F("fence") + 1, lease_until=None, kind="", text="", field="",
        fingerprint="", tries=0, deaths=0, done_at=None, changed_at=now,
    )  # fmt: skip
    there = dict(transaction.steps.values_list("name", "position"))
    systems = {system.role: system for system in System.objects.filter(active=True)}
    Step.objects.bulk_create(
        _planned(transaction, position, definition, systems.get(definition.role), now)
        for position, definition in enumerate(defined.values(), start=1)
        if definition.name not in there
    )
    advance(transaction, now=now)


def close_gathering(transaction: Transaction, *, now: datetime, actor: str = "") -> None:
    """waiting{schedule} → in progress: the gathered work is billed now."""
    transaction.gathering = False
    transaction.wait = transaction.wait_text = ""
    transaction.wait_until = None
    transaction.save(update_fields=["gathering", "wait", "wait_text", "wait_until"])
    count = transaction.items.count()
    note(
        transaction,
        "gathered",
        f"The billing run began with {count} approved {'entry' if count == 1 else 'entries'}.",
        now=now,
        actor=actor,
    )
    start(transaction, now=now)


def advance(transaction: Transaction, *, now: datetime) -> None:
    """Play inside steps and schedule outside ones until nothing more can begin; then fold."""
    steps = list(transaction.steps.select_related("system").order_by("position"))
    played = True
    while played:
        played = False
        known = facts(transaction, now)
        defined = definitions(transaction, known)
        done = {step.name for step in steps if step.state in FINISHED}
        for step in steps:
            definition = defined.get(step.name)
            if step.state != State.PLANNED or definition is None:
                continue
            if not set(definition.needs) <= done:
                continue
            played = True
            if not definition.role:
                play_inside(transaction, step, definition, now=now)
                break
            if _cast(step, definition):
                schedule(step, now=now)
            else:
                text = f"No system of the firm plays the part “{definition.role}” at present."
                stop(transaction, step, Refuse(Kind.CONTRACT, text), now=now)
    fold(transaction, steps, now)
    bell.ring("tower", "transactions", transactions=[transaction.pk])


def schedule(step: Step, *, now: datetime) -> None:
    """planned / parked / held → scheduled, due now."""
    step.state, step.due_at, step.changed_at = State.SCHEDULED, now, now
    step.lease_until = None
    step.save(update_fields=["state", "due_at", "changed_at", "lease_until", "system", "effect"])
    if step.system is not None:
        queues.ring(queues.ENGINE, "drain", step.system.connection)


def play_inside(
    transaction: Transaction, step: Step, definition: StepDefinition, *, now: datetime
) -> None:
    """A step inside the tower: a rule decides at once."""
    prepared = conclude(definition, facts(transaction, now))
    if isinstance(prepared, Learn):
        step.values = dict(prepared.values)
        step.kind = step.text = step.field = step.fingerprint = ""
        step.state, step.done_at, step.changed_at = State.VERIFIED, now, now
        step.save()
        note(transaction, "done", f"{step.title}: in order.", now=now, step=step.name)
    else:
        stop(transaction, step, prepared, now=now)


def stop(transaction: Transaction, step: Step, prepared: Any, *, now: datetime) -> None:
    """A rule said no before anything was sent: skipped, held or parked."""
    step.changed_at, step.lease_until = now, None
    match prepared:
        case Skip(reason=reason):
            step.state, step.done_at, step.text = State.SKIPPED, now, reason[:600]
            text = f"{step.title}: not needed. {reason}"
        case Hold(kind=kind, text=reason, until=datetime() as until):
            step.state, step.kind, step.text = State.SCHEDULED, kind, reason[:600]
            step.due_at = until
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
    mark_cause(step)
    step.save()
    note(transaction, step.state, text, now=now, step=step.name)


def mark_cause(step: Step) -> None:
    """Name the cause of a stuck step, by which exceptions are grouped."""
    if step.state in {State.PARKED, State.HELD}:
        system = step.system.slug if step.system else "tower"
        step.fingerprint = fingerprint(step.name, system, step.kind, step.text, step.field)


def reconsider(transaction: Transaction, *, why: str, now: datetime) -> None:
    """Facts or decisions changed: stuck steps that never left the tower are played anew."""
    for step in transaction.steps.select_related("system").filter(
        state__in=[State.PARKED, State.HELD]
    ):
        if step.kind != Kind.UNKNOWN:
            again(transaction, step, why=why, now=now)
    advance(transaction, now=now)


def again(
    transaction: Transaction, step: Step, *, why: str, now: datetime, actor: str = ""
) -> None:
    """parked / held → taken up again: the way of every replay. The idempotency key stays.

    What may have arrived is asked for (unknown). Otherwise what the step reads from its sources
    is read anew first, so that a correction made there counts.
    """
    step.tries = step.probes = step.absences = step.deaths = 0
    step.fence += 1
    step.due_at = step.changed_at = now
    step.lease_until = None
    text = f"{step.title}: taken up again, {why}."
    note(transaction, "again", text, now=now, step=step.name, actor=actor)
    in_doubt = step.kind == Kind.UNKNOWN and step.sent_at is not None
    reads = [] if in_doubt else list(sources(transaction, step, now))
    step.state = State.UNKNOWN if in_doubt else State.PLANNED
    if step.system is not None and not reads and not in_doubt:
        step.state = State.SCHEDULED
    step.save()
    for read in reads:
        schedule(read, now=now)
    if step.system is not None:
        queues.ring(queues.ENGINE, "drain", step.system.connection)


def sources(transaction: Transaction, step: Step, now: datetime) -> QuerySet[Step]:
    """The finished reads that a step rests on directly."""
    definition = definitions(transaction, facts(transaction, now))[step.name]
    return transaction.steps.select_related("system").filter(
        name__in=definition.needs,
        effect=Effect.READ,
        system__isnull=False,
        state=State.VERIFIED,
    )


def decide(
    transaction: Transaction, *, decision: str, value: Any, actor: str, text: str, now: datetime
) -> None:
    """Record a person's decision and play on with it."""
    transaction.decisions = {**transaction.decisions, decision: value}
    transaction.save(update_fields=["decisions"])
    note(transaction, "decided", text, now=now, actor=actor)
    reconsider(transaction, why=f"{actor} decided", now=now)


def end(transaction: Transaction, *, state: str, text: str, actor: str, now: datetime) -> None:
    """A person ends the transaction: resolved elsewhere, cancelled or written off."""
    transaction.steps.exclude(state__in=[State.VERIFIED, State.SKIPPED]).update(
        state=State.CANCELLED, changed_at=now, lease_until=None
    )
    transaction.state, transaction.wait, transaction.wait_text = state, "", ""
    transaction.gathering = False
    transaction.ended_at = transaction.changed_at = now
    transaction.save()
    note(transaction, state, text, now=now, actor=actor)
    bell.ring("tower", "transactions", "exceptions", transactions=[transaction.pk])
