"""Keeps dead letters true to the steps: opened, reopened and solved from what the engine shows.

Idempotent: rung by the bell and repeated by the dispatcher, so that a lost signal loses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.transaction import atomic

from controltower.canonical.verdicts import Kind
from controltower.incidents.models import Cause, DeadLetter, LetterState, Resolution
from controltower.transactions import bell, sets
from controltower.transactions.facts import definitions, facts
from controltower.transactions.models import (
    Amendment,
    Finding,
    ReplayItem,
    Step,
    TransactionState,
)
from controltower.transactions.protocol import FINISHED, STUCK, State

ENDED = (*FINISHED, State.CANCELLED)
MOST_AT_ONCE = 2_000
PROPOSED = "proposed"


def catch_up(*, now: datetime, of: Collection[UUID] | None = None) -> int:
    """Open what is newly stuck, solve what no longer is; returns how many letters changed.

    `of` names the transactions to look at; without it all are, which costs as much as is stuck.
    """
    changed = _open_new(now, of) + _reopen(now, of) + _follow(now, of) + _await_approval(of)
    if changed:
        bell.ring("exceptions", "tower")
    return changed


def _letters(of: Collection[UUID] | None) -> QuerySet[DeadLetter]:
    return DeadLetter.objects.all() if of is None else DeadLetter.objects.filter(transaction__in=of)


def _open_new(now: datetime, of: Collection[UUID] | None) -> int:
    known = DeadLetter.objects.filter(step=OuterRef("pk")).values("pk")
    stuck = Step.objects.filter(state__in=STUCK)
    steps = list(
        (stuck if of is None else stuck.filter(transaction__in=of))
        .select_related("transaction", "system")
        .annotate(letter=Subquery(known))
        .filter(letter__isnull=True)[:MOST_AT_ONCE]
    )
    causes = _causes(steps, now)
    sets.insert(
        (
            DeadLetter(
                step=step,
                transaction=step.transaction,
                cause=causes[step.fingerprint],
                opened_at=step.changed_at,
            )
            for step in steps
        ),
        ignore_conflicts=True,
    )
    return len(steps)


def _causes(steps: Sequence[Step], now: datetime) -> dict[str, Cause]:
    """The causes of stuck steps by fingerprint, made where they are new."""
    latest = {step.fingerprint: step for step in sorted(steps, key=lambda one: one.changed_at)}
    known = Cause.objects.filter(fingerprint__in=latest).values_list("fingerprint", flat=True)
    for mark in set(latest) - set(known):
        _make_cause(latest[mark], now)
    causes = {cause.fingerprint: cause for cause in Cause.objects.filter(fingerprint__in=latest)}
    for mark, cause in causes.items():
        if latest[mark].changed_at > cause.last_seen_at:
            Cause.objects.filter(pk=cause.pk).update(last_seen_at=latest[mark].changed_at)
    return causes


def _make_cause(step: Step, now: datetime) -> None:
    Cause.objects.get_or_create(
        fingerprint=step.fingerprint,
        defaults={
            "title": title_of(step),
            "system": step.system,
            "step_name": step.name,
            "kind": step.kind,
            "owner_role": _owner_role(step, now),
            "first_seen_at": step.changed_at,
            "last_seen_at": step.changed_at,
        },
    )


def title_of(step: Step) -> str:
    """The cause in one sentence, without what is particular to one record."""
    system = step.system.title if step.system else ""
    if step.kind == Kind.UNKNOWN:
        return f"In doubt whether {system} has it: {step.title.lower()}"
    first = re.split(r"(?<=[.!?])\s+(?=[A-Z“])", step.text)[0].rstrip(".")
    if step.kind == Kind.PERIOD_CLOSED:
        return f"Closed period: {first}"
    if not system:
        return first[:240]
    speaker, colon, said = first.partition(": ")
    if colon and system.startswith(speaker):
        first = said
    return f"{system} refuses: {first}"[:240]


def _owner_role(step: Step, now: datetime) -> str:
    if step.kind == Kind.PERIOD_CLOSED:
        return "controller"
    definition = definitions(step.transaction, facts(step.transaction, now)).get(step.name)
    return definition.owner_role if definition else "operator"


def _reopen(now: datetime, of: Collection[UUID] | None) -> int:
    """A solved or replaying letter whose step is stuck again is back, perhaps by a new cause."""
    related = ("step__system", "step__transaction")
    stuck = _letters(of).filter(step__state__in=STUCK).select_related(*related)
    back = stuck.filter(state__in=[LetterState.RESOLVED, LetterState.REPLAYING])[:MOST_AT_ONCE]
    moved = stuck.exclude(state__in=[LetterState.RESOLVED, LetterState.REPLAYING]).exclude(
        cause__fingerprint=F("step__fingerprint")
    )[:MOST_AT_ONCE]
    causes = _causes([letter.step for letter in (*back, *moved)], now)
    for letter in back:
        letter.state, letter.resolution, letter.resolved_at = LetterState.REOPENED, "", None
        letter.times = letter.times + 1
    changed = {}
    for letter in (*back, *moved):
        cause = causes[letter.step.fingerprint]
        changed[letter.pk] = _columns(letter) | {"cause_id": cause.pk, "times": letter.times}
    sets.update(DeadLetter, changed)
    return len(back)


def _follow(now: datetime, of: Collection[UUID] | None) -> int:
    """Open letters whose step is no longer stuck: replaying, or solved and how."""
    under_way = Q(state=LetterState.REPLAYING) & ~Q(step__state__in=ENDED)
    loose = list(
        _letters(of)
        .exclude(state=LetterState.RESOLVED)
        .select_related("step", "transaction")
        .exclude(step__state__in=STUCK)
        .exclude(under_way)[:MOST_AT_ONCE]
    )
    steps = [letter.step_id for letter in loose]
    edited = dict(
        Amendment.objects.filter(step__in=steps, state=Amendment.State.IN_FORCE)
        .order_by()
        .values_list("step")
        .annotate(last=Max("proposed_at"))
        if loose
        else ()
    )
    replayed = dict(
        ReplayItem.objects.filter(step__in=steps)
        .order_by()
        .values_list("step")
        .annotate(last=Max("sent_at"))
        if loose
        else ()
    )
    changed = {}
    for letter in loose:
        state, resolution = _position(
            letter, replayed.get(letter.step_id), edited.get(letter.step_id)
        )
        if state != letter.state:
            letter.state, letter.resolution = state, resolution
            letter.resolved_at = now if state == LetterState.RESOLVED else None
            changed[letter.pk] = _columns(letter)
    sets.update(DeadLetter, changed)
    return len(changed)


def _await_approval(of: Collection[UUID] | None) -> int:
    """What somebody proposed and a second person has not decided yet waits for that; afterwards a
    letter that is still stuck is open again."""
    proposed = Q(Exists(Finding.objects.filter(step=OuterRef("step"), state=PROPOSED))) | Q(
        Exists(Amendment.objects.filter(step=OuterRef("step"), state=PROPOSED))
    )
    waiting = Q(state=LetterState.APPROVAL)
    stuck = _letters(of).exclude(state=LetterState.RESOLVED).filter(step__state__in=STUCK)
    begun: int = stuck.filter(proposed).exclude(waiting).update(state=LetterState.APPROVAL)
    decided = stuck.filter(waiting).exclude(proposed)
    owned = Case(
        When(cause__owner__isnull=False, then=Value(LetterState.ASSIGNED)),
        default=Value(LetterState.OPEN),
    )
    states = dict(decided.annotate(now=owned).values_list("pk", "now"))
    sets.update(DeadLetter, {pk: {"state": state} for pk, state in states.items()})
    return begun + len(states)


def _columns(letter: DeadLetter) -> dict[str, Any]:
    names = ("state", "resolution", "resolved_at")
    return {name: getattr(letter, name) for name in names}


def _position(
    letter: DeadLetter, replayed_at: datetime | None, edited_at: datetime | None
) -> tuple[str, str]:
    if letter.step.state in FINISHED:
        if edited_at is not None and edited_at >= letter.opened_at:
            return LetterState.RESOLVED, Resolution.EDITED_COPY
        replayed = replayed_at is not None and replayed_at >= letter.opened_at
        return LetterState.RESOLVED, Resolution.REPLAYED if replayed else Resolution.AUTO
    if letter.step.state == State.CANCELLED:
        elsewhere = letter.transaction.state == TransactionState.RESOLVED_EXTERNALLY
        how = Resolution.FIXED_IN_TARGET if elsewhere else Resolution.DISCARDED
        return LetterState.RESOLVED, how
    return LetterState.REPLAYING, ""


def on_bell(sender: Any, topics: frozenset[str], **_: Any) -> None:
    """The bell's receiver: something became or ceased to be stuck in the transactions named."""
    from django.utils import timezone

    of = {UUID(topic.removeprefix("tx-")) for topic in topics if topic.startswith("tx-")}
    if "exceptions" in topics and of:
        with atomic():
            catch_up(now=timezone.now(), of=of)
