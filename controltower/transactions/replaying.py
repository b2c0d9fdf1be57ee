"""What a released replay does beat by beat: learn what came of the sent, then send the next wave.

One canary first; halts itself after three identical failures. State lives in the plan's rows, so
that a reload, a logout or a restart of any process changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Count, Q
from django.db.transaction import atomic

from controltower.transactions import bell, cases, engine
from controltower.transactions.models import (
    ItemState,
    PlanState,
    ReplayItem,
    ReplayPlan,
    Step,
    TransactionState,
)
from controltower.transactions.protocol import State

CANARY = 1
WAVE = 25
SAME_FAILURES = 3
REPLAYABLE = (State.PARKED, State.HELD)
OPEN_ITEMS = (ItemState.WAITING, ItemState.SENT, ItemState.UNKNOWN)


def running() -> list[UUID]:
    """Plans that want to move."""
    return list(ReplayPlan.objects.filter(state=PlanState.RUNNING).values_list("pk", flat=True))


def tick(plan_id: UUID, *, now: datetime) -> None:
    """One beat of a running plan; a plan that does not run only learns."""
    with atomic():
        row = ReplayPlan.objects.select_for_update().get(pk=plan_id)
        learn(row, now)
        if row.state != PlanState.RUNNING:
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


def learn(row: ReplayPlan, now: datetime) -> None:
    """Read what the engine has made of the items that were sent."""
    for item in row.items.filter(state__in=[ItemState.SENT, ItemState.UNKNOWN]).select_related(
        "step__transaction"
    ):
        state, text = _outcome(item.step)
        if state != item.state:
            item.state, item.text = state, text
            item.ended_at = now if state in {ItemState.VERIFIED, ItemState.FAILED} else None
            item.save(update_fields=["state", "text", "ended_at"])


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
    counts = row.items.aggregate(
        flying=Count("id", filter=Q(state__in=[ItemState.SENT, ItemState.UNKNOWN])),
        ended=Count("id", filter=Q(state__in=[ItemState.VERIFIED, ItemState.FAILED])),
    )
    room = WAVE - counts["flying"] if counts["ended"] else CANARY - counts["flying"]
    waiting = row.items.filter(state=ItemState.WAITING).select_related("step__system")
    for item in waiting[: max(room, 0)]:
        _send(row, item, now)


def _send(row: ReplayPlan, item: ReplayItem, now: datetime) -> None:
    """Put one step back under the engine, unless it has moved or another replay has it."""
    try:
        with cases.opened([item.transaction_id], now=now) as found:
            case = found[item.transaction_id]
            step = next(one for one in case.steps if one.pk == item.step_id)
            if step.fence != item.fence or step.state not in REPLAYABLE:
                _leave_out(item, "It has moved since; left alone.", now)
                return
            if row.mapping_choice == "now":
                step.mapping_version = None
            item.state, item.sent_at = ItemState.SENT, now
            item.save()
            actor = row.requested_by.username
            engine.again(case, step, why=f"replayed by {actor}", actor=actor)
            engine.advance(case)
    except IntegrityError:
        _leave_out(item, "Another replay is doing this one.", now)


def _leave_out(item: ReplayItem, why: str, now: datetime) -> None:
    item.state, item.text, item.ended_at = ItemState.EXCLUDED, why, now
    item.save()


def unsurveyed(*, now: datetime) -> list[UUID]:
    """Plans whose survey was asked for a while ago and never came."""
    return list(
        ReplayPlan.objects.filter(
            state=PlanState.DRAFT, requested_at__lt=now - timedelta(seconds=10)
        ).values_list("pk", flat=True)
    )
