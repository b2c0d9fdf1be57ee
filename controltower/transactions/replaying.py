"""What a released replay does beat by beat: learn what came of the sent, then send the next wave.

One canary first; halts itself after three identical failures. State lives in the plan's rows, so
that a reload, a logout or a restart of any process changes nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.transaction import atomic

from controltower.systems.models import System
from controltower.transactions import bell, cases, engine, sets
from controltower.transactions.models import (
    ItemState,
    PlanState,
    ReplayItem,
    ReplayPlan,
    Step,
    TransactionState,
)
from controltower.transactions.protocol import STUCK, State

log = logging.getLogger(__name__)
SHARE = 0.5
"""The part of a connection's pace that a replay may take; the rest is live traffic's."""
AHEAD = timedelta(seconds=5)
"""How far ahead steps are released: so long does a pause take to be felt."""
MOST_AT_ONCE, SET = 400, 100
SAME_FAILURES = 3
OPEN_ITEMS = (ItemState.WAITING, ItemState.SENT, ItemState.UNKNOWN)
LANDED = (State.VERIFIED, State.SKIPPED, State.PARKED, State.HELD, State.CANCELLED, State.UNKNOWN)
MOVED = (
    Q(step__state__in=LANDED)
    | Q(step__transaction__state=TransactionState.DEAD_LETTERED)
    | Q(state=ItemState.UNKNOWN)
)
"""Items under way of which there may be something to learn."""


def running() -> list[UUID]:
    """Plans that want to move, and those that were held or stopped with something under way: what
    comes of it is learnt all the same."""
    under_way = ReplayItem.objects.filter(plan=OuterRef("pk"), state=ItemState.SENT)
    held = Q(state__in=[PlanState.PAUSED, PlanState.CANCELLED]) & Exists(under_way)
    found = ReplayPlan.objects.filter(Q(state=PlanState.RUNNING) | held)
    return list(found.values_list("pk", flat=True))


def tick(plan_id: UUID, *, now: datetime) -> None:
    """One beat of a running plan; a plan that does not run only learns.

    A wave and the note of what was sent are one commit, under the plan's lock: a worker that dies
    has sent nothing, and a second one at the same plan leaves it to the first.
    """
    with atomic():
        row = ReplayPlan.objects.select_for_update(skip_locked=True).filter(pk=plan_id).first()
        if row is None:
            return
        learnt = learn(row, now)
        if row.state != PlanState.RUNNING:
            if learnt:
                bell.ring("jobs", "tower", f"job-{row.pk}")
            return
        if reason := _same_failures(row):
            row.state, row.stopped_because = PlanState.PAUSED, reason
        elif not row.items.filter(state__in=OPEN_ITEMS).exists():
            failed = row.items.filter(state=ItemState.FAILED).exists()
            row.state = PlanState.WITH_FAILURES if failed else PlanState.COMPLETED
            row.ended_at = now
        else:
            _send_wave(row, now)
        row.save()
        bell.ring("jobs", "tower", f"job-{row.pk}")


def learn(row: ReplayPlan, now: datetime) -> bool:
    """Read what the engine has made of the items that were sent: of those alone that have moved,
    since far more may be under way than a beat brings home. Says whether anything was new."""
    changed = {}
    for item in _in_flight(row).filter(MOVED).select_related("step__transaction"):
        state, text = _outcome(item.step)
        if state != item.state:
            ended = now if state in {ItemState.VERIFIED, ItemState.FAILED} else None
            changed[item.pk] = {"state": state, "text": text, "ended_at": ended}
    sets.update(ReplayItem, changed)
    return bool(changed)


def _in_flight(row: ReplayPlan) -> QuerySet[ReplayItem]:
    return row.items.filter(state__in=[ItemState.SENT, ItemState.UNKNOWN])


def _outcome(step: Step) -> tuple[ItemState, str]:
    if step.state in {State.VERIFIED, State.SKIPPED}:
        return ItemState.VERIFIED, "Read back from the target: it is there, once."
    if step.state in {State.PARKED, State.HELD, State.CANCELLED}:
        return ItemState.FAILED, step.text
    if step.state == State.UNKNOWN:
        return ItemState.UNKNOWN, step.text
    if step.transaction.state == TransactionState.DEAD_LETTERED:
        return ItemState.FAILED, step.transaction.wait_text
    return ItemState.SENT, ""


def _same_failures(row: ReplayPlan) -> str:
    worst = (
        row.items.filter(state=ItemState.FAILED)
        .values("step__fingerprint")
        .annotate(many=Count("id"))
        .order_by("-many")
        .first()
    )
    if worst is None or worst["many"] < SAME_FAILURES or row.stopped_because:
        return ""
    return "Paused by itself: three items failed again for the same reason."


def _send_wave(row: ReplayPlan, now: datetime) -> None:
    """One goes first. Then whatever has a place within the time ahead, each at its own moment."""
    waiting = row.items.filter(state=ItemState.WAITING).select_related("step__system")
    if not row.items.filter(state__in=[ItemState.VERIFIED, ItemState.FAILED]).exists():
        waves = [] if _in_flight(row).exists() else [(item, timedelta(0)) for item in waiting[:1]]
    else:
        flying = _in_flight(row).order_by().values_list("step__system__connection")
        taken = Counter(dict(flying.annotate(many=Count("id"))))
        able = waiting.exclude(step__system__connection__in=_full(taken))
        waves = list(_places(taken, able[:MOST_AT_ONCE]))
    for start in range(0, len(waves), SET):
        _send(row, waves[start : start + SET], now)


def _full(taken: Mapping[str, int]) -> set[str]:
    """Connections with no place left: what waits for them must not stand before the others."""
    paces = System.objects.values_list("connection", "calls_per_second")
    return {one for one, pace in paces if _moment(taken.get(one, 0), pace) > AHEAD}


def _places(
    taken: Counter[str], waiting: Iterable[ReplayItem]
) -> Iterator[tuple[ReplayItem, timedelta]]:
    """When each may go: a replay takes half its connection's pace, spread evenly, so that live
    traffic always has the other half."""
    for item in waiting:
        system = item.step.system
        if system is None:
            yield item, timedelta(0)
            continue
        after = _moment(taken[system.connection], system.calls_per_second)
        if after <= AHEAD:
            taken[system.connection] += 1
            yield item, after


def _moment(place: int, calls_per_second: float) -> timedelta:
    return timedelta(seconds=place / (calls_per_second * SHARE))


def _send(row: ReplayPlan, wave: Sequence[tuple[ReplayItem, timedelta]], now: datetime) -> None:
    """Put steps back under the engine, as a set; when the set cannot be kept, each by itself."""
    try:
        with cases.opened({item.transaction_id for item, _after in wave}, now=now) as found:
            done = {item.pk: _again(row, item, found, after) for item, after in wave}
            sets.update(ReplayItem, done)
    except cases.AWAY:
        raise
    except Exception:
        if len(wave) > 1:
            for one in wave:
                _send(row, [one], now)
        else:
            log.exception("not replayed", extra={"reference": str(wave[0][0].step_id)})
            why = "It could not be taken up: another replay is doing this one, or it has moved."
            sets.update(ReplayItem, {wave[0][0].pk: _left_out(why, now)})


def _again(
    row: ReplayPlan, item: ReplayItem, found: Mapping[UUID, cases.Case], after: timedelta
) -> dict[str, Any]:
    case = found[item.transaction_id]
    step = next(one for one in case.steps if one.pk == item.step_id)
    if step.fence != item.fence or step.state not in STUCK:
        return _left_out("It has moved since; left alone.", case.now)
    if row.mapping_choice == "now":
        step.mapping_version = None
    actor = row.requested_by.username
    engine.again(case, step, why=f"replayed by {actor}", actor=actor, after=after)
    engine.advance(case)
    return {"state": ItemState.SENT, "sent_at": case.now, "ended_at": None, "text": ""}


def _left_out(why: str, now: datetime) -> dict[str, Any]:
    return {"state": ItemState.EXCLUDED, "sent_at": None, "ended_at": now, "text": why}


def unsurveyed(*, now: datetime) -> list[UUID]:
    """Plans whose survey was asked for a while ago and never came."""
    return list(
        ReplayPlan.objects.filter(
            state=PlanState.DRAFT, requested_at__lt=now - timedelta(seconds=10)
        ).values_list("pk", flat=True)
    )
