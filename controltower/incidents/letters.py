"""Keeps dead letters true to the steps: opened, reopened and solved from what the engine shows.

Idempotent: rung by the bell and repeated by the dispatcher, so that a lost signal loses nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.transaction import atomic

from controltower.canonical.verdicts import Kind
from controltower.incidents.models import Cause, DeadLetter, LetterState, Resolution
from controltower.transactions import bell
from controltower.transactions.facts import definitions, facts
from controltower.transactions.models import ReplayItem, Step, TransactionState
from controltower.transactions.protocol import State

STUCK = (State.PARKED, State.HELD)


def catch_up(*, now: datetime) -> int:
    """Open what is newly stuck, solve what no longer is; returns how many letters changed."""
    changed = _open_new(now) + _reopen(now) + _follow(now)
    if changed:
        bell.ring("exceptions", "tower")
    return changed


def _open_new(now: datetime) -> int:
    known = DeadLetter.objects.filter(step=OuterRef("pk")).values("pk")
    steps = (
        Step.objects.select_related("transaction", "system")
        .annotate(letter=Subquery(known))
        .filter(state__in=STUCK, letter__isnull=True)[:500]
    )
    letters = [_letter(step, now) for step in steps]
    DeadLetter.objects.bulk_create(letters, ignore_conflicts=True)
    return len(letters)


def _letter(step: Step, now: datetime) -> DeadLetter:
    return DeadLetter(
        step=step,
        transaction=step.transaction,
        cause=cause_of(step, now),
        opened_at=step.changed_at,
    )


def cause_of(step: Step, now: datetime) -> Cause:
    """The cause with the step's fingerprint, made when it is new."""
    cause, created = Cause.objects.get_or_create(
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
    if not created and step.changed_at > cause.last_seen_at:
        Cause.objects.filter(pk=cause.pk).update(last_seen_at=step.changed_at)
    return cause


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


def _reopen(now: datetime) -> int:
    """A solved or replaying letter whose step is stuck again is back, perhaps by a new cause."""
    back = DeadLetter.objects.select_related("step__system", "step__transaction").filter(
        step__state__in=STUCK, state__in=[LetterState.RESOLVED, LetterState.REPLAYING]
    )[:500]
    for letter in back:
        letter.cause = cause_of(letter.step, now)
        letter.state, letter.resolution, letter.resolved_at = LetterState.REOPENED, "", None
        letter.times = letter.times + 1
        letter.save()
    moved = (
        DeadLetter.objects.open()
        .filter(step__state__in=STUCK)
        .exclude(cause__fingerprint=F("step__fingerprint"))
    )
    for letter in moved.select_related("step__system", "step__transaction")[:500]:
        letter.cause = cause_of(letter.step, now)
        letter.save(update_fields=["cause"])
    return len(back)


def _follow(now: datetime) -> int:
    """Open letters whose step is no longer stuck: replaying, or solved and how."""
    loose = (
        DeadLetter.objects.open()
        .select_related("step", "transaction")
        .exclude(step__state__in=STUCK)[:500]
    )
    changed = 0
    for letter in loose:
        state, resolution = _position(letter)
        if state != letter.state:
            changed += 1
            letter.state, letter.resolution = state, resolution
            letter.resolved_at = now if state == LetterState.RESOLVED else None
            letter.save(update_fields=["state", "resolution", "resolved_at"])
    return changed


def _position(letter: DeadLetter) -> tuple[str, str]:
    if letter.step.state in {State.VERIFIED, State.SKIPPED}:
        replayed = ReplayItem.objects.filter(step=letter.step, sent_at__gte=letter.opened_at)
        how = Resolution.REPLAYED if replayed.exists() else Resolution.AUTO
        return LetterState.RESOLVED, how
    if letter.step.state == State.CANCELLED:
        elsewhere = letter.transaction.state == TransactionState.RESOLVED_EXTERNALLY
        how = Resolution.FIXED_IN_TARGET if elsewhere else Resolution.DISCARDED
        return LetterState.RESOLVED, how
    return LetterState.REPLAYING, ""


def on_bell(sender: Any, topics: frozenset[str], **_: Any) -> None:
    """The bell's receiver: something became or ceased to be stuck."""
    from django.utils import timezone

    if "exceptions" in topics:
        with atomic():
            catch_up(now=timezone.now())
