"""Keeps dead letters true to the steps: opened, reopened and solved from what the engine shows.

Idempotent: rung by the bell and repeated by the dispatcher, so that a lost signal loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.transaction import atomic

from controltower.incidents import sorting
from controltower.incidents.models import Cause, DeadLetter, LetterState, Resolution
from controltower.transactions import bell, clock, sets
from controltower.transactions.models import (
    Amendment,
    Finding,
    ItemState,
    PlanState,
    ReplayItem,
    Step,
    TransactionState,
)
from controltower.transactions.protocol import FINISHED, STUCK, State

ENDED = (*FINISHED, State.CANCELLED)
MOST_AT_ONCE = 2_000
PROPOSED = "proposed"
SETTLED = (LetterState.RESOLVED, LetterState.REPLAYING)
AHEAD = frozenset(PlanState) - {
    PlanState.COMPLETED,
    PlanState.WITH_FAILURES,
    PlanState.CANCELLED,
    PlanState.STALE,
}
"""A plan that may still be played."""


def catch_up(*, now: datetime, of: Collection[UUID] | None = None) -> int:
    """Open what is newly stuck, solve what no longer is; returns how many letters changed.

    `of` names the transactions to look at; without it all are, which costs as much as is stuck.
    """
    changed = _open_new(now, of) + _reopen(now, of) + _follow(now, of) + stand(_letters(of), now)
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
        .select_related("transaction__entity", "system")
        .annotate(letter=Subquery(known))
        .filter(letter__isnull=True)[:MOST_AT_ONCE]
    )
    if not steps:
        return 0
    causes = sorting.sort(steps, now)
    _are_back({cause.pk for cause in causes.values()}, now)
    sets.insert(
        (
            DeadLetter(
                step=step,
                transaction=step.transaction,
                cause=causes[step.pk],
                fingerprint=step.fingerprint,
                opened_at=step.changed_at,
            )
            for step in steps
        ),
        ignore_conflicts=True,
    )
    return len(steps)


def _are_back(causes: Collection[int], now: datetime) -> None:
    """Something new is stuck by causes of which all had been solved."""
    own = DeadLetter.objects.order_by().filter(cause=OuterRef("pk"))
    solved = Exists(own.filter(state=LetterState.RESOLVED)) & ~Exists(own.open())
    Cause.objects.filter(solved, pk__in=causes).update(back_at=now)


def _reopen(now: datetime, of: Collection[UUID] | None) -> int:
    """A solved or replaying letter whose step is stuck again is back, perhaps by a new cause."""
    related = ("step__system", "step__transaction__entity")
    stuck = _letters(of).filter(step__state__in=STUCK).select_related(*related)
    moved = ~Q(fingerprint=F("step__fingerprint"))
    found = list(stuck.filter(Q(state__in=SETTLED) | moved)[:MOST_AT_ONCE])
    if not found:
        return 0
    causes = sorting.sort([letter.step for letter in found], now)
    back = [letter for letter in found if letter.state in SETTLED]
    for letter in back:
        letter.state, letter.resolution, letter.resolved_at = LetterState.REOPENED, "", None
        letter.times = letter.times + 1
    changed = {}
    for letter in found:
        changed[letter.pk] = _columns(letter) | {
            "cause_id": causes[letter.step_id].pk,
            "fingerprint": letter.step.fingerprint,
            "times": letter.times,
        }
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
    if not loose:
        return 0
    steps = [letter.step_id for letter in loose]
    edited = dict(
        Amendment.objects.filter(step__in=steps, state=Amendment.State.IN_FORCE)
        .order_by()
        .values_list("step")
        .annotate(last=Max("proposed_at"))
    )
    replayed = dict(
        ReplayItem.objects.filter(step__in=steps)
        .order_by()
        .values_list("step")
        .annotate(last=Max("sent_at"))
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


def stand(letters: QuerySet[DeadLetter], now: datetime) -> int:
    """Give stuck letters the state in which they wait for a person; returns how many changed.

    What somebody proposed waits for the second person, what is in a plan waits for its replay, what
    is put aside is on hold; the others are open, assigned or back again.
    """
    waiting = letters.exclude(state__in=SETTLED).filter(step__state__in=STUCK)
    wanted = waiting.annotate(wanted=_standing(now)).exclude(state=F("wanted"))
    states = dict(wanted.order_by().values_list("pk", "wanted")[:MOST_AT_ONCE])
    sets.update(DeadLetter, {pk: {"state": state} for pk, state in states.items()})
    return len(states)


def _standing(now: datetime) -> Case:
    finding = Finding.objects.filter(state=PROPOSED).values("step")
    amendment = Amendment.objects.filter(state=PROPOSED).values("step")
    planned = ReplayItem.objects.filter(state=ItemState.WAITING, plan__state__in=AHEAD)
    aside = Q(cause__snoozed_until__gt=now) | Q(cause__parked_at__isnull=False)
    return Case(
        When(Q(step__in=finding) | Q(step__in=amendment), then=Value(LetterState.APPROVAL)),
        When(step__in=planned.values("step"), then=Value(LetterState.REPAIR_PROPOSED)),
        When(aside, then=Value(LetterState.ON_HOLD)),
        When(state=LetterState.REOPENED, then=Value(LetterState.REOPENED)),
        When(cause__owner__isnull=False, then=Value(LetterState.ASSIGNED)),
        default=Value(LetterState.OPEN),
    )


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
    of = {UUID(topic.removeprefix("tx-")) for topic in topics if topic.startswith("tx-")}
    if "exceptions" in topics and of:
        with atomic():
            catch_up(now=clock.now(), of=of)
