"""Replay: a frozen selection, a sealed plan, a release through the resolver, and proof.

A replay never creates a step and never sends by itself: it puts the same step, with the same
idempotency key, back under the engine. `survey` asks the targets first what would happen; the
release is refused when anything has moved since (PLAN_CHANGED).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.transaction import atomic

from controltower import queues
from controltower.firm import approvals, audit
from controltower.firm.models import Person
from controltower.firm.rates import rates
from controltower.firm.rights import Right, may
from controltower.transactions import bell, clock, forecast
from controltower.transactions.models import (
    Forecast,
    ItemState,
    PlanState,
    ReplayItem,
    ReplayPlan,
    Step,
    Transaction,
)
from controltower.transactions.replaying import REPLAYABLE, tick

VALID_FOR = timedelta(minutes=30)
READY = (PlanState.PLANNED, PlanState.APPROVED)
STOPPABLE = (PlanState.DRAFT, *READY, PlanState.RUNNING, PlanState.PAUSED)


class NotReplayable(Exception):
    """Nothing in the selection can be replayed; the text says why."""


class PlanChanged(Exception):
    """PLAN_CHANGED: what was planned is no longer what would happen. Plan again."""


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class NeedsSecondPerson(Exception):
    """The money at stake needs another person's approval first."""


def plan(
    *, steps: Sequence[UUID], title: str, selection: dict[str, Any], mapping: str, by: Person,
    now: datetime,
) -> ReplayPlan:  # fmt: skip
    """Freeze a selection of stuck steps and have it surveyed: draft → planned.

    `mapping` is "now" or "then". Raises NotAllowed or NotReplayable.
    """
    chosen = list(
        Step.objects.select_related("transaction__entity").filter(
            pk__in=steps, state__in=REPLAYABLE
        )
    )
    if not chosen:
        raise NotReplayable("Nothing here is stuck any more, so there is nothing to replay.")
    _require(by, Right.REPLAY, [step.transaction for step in chosen], "plan replay", title, now)
    with atomic():
        made = ReplayPlan.objects.create(
            title=title[:200],
            selection=selection,
            mapping_choice=mapping,
            requested_by=by,
            requested_at=now,
        )
        ReplayItem.objects.bulk_create(_item(made, step) for step in chosen)
        detail = {"count": len(chosen), "selection": selection}
        audit.record(
            actor=by, verb="plan replay", subject=str(made.pk), allowed=True, now=now, detail=detail
        )
        queues.ring(queues.ENGINE, "plan_replay", str(made.pk))
    return made


def _item(made: ReplayPlan, step: Step) -> ReplayItem:
    return ReplayItem(
        plan=made,
        transaction=step.transaction,
        step=step,
        fence=step.fence,
        forecast=Forecast.UPDATE,
        amount=step.transaction.amount,
        currency=step.transaction.currency,
    )


def survey(plan_id: UUID | str) -> ReplayPlan:
    """Ask rules and targets what each item would do, write it down and seal it. Reads only."""
    made = ReplayPlan.objects.get(pk=plan_id)
    if made.state != PlanState.DRAFT:
        return made
    items = list(
        made.items.select_related("step__system", "transaction__entity", "step__mapping_version")
    )
    forecast.fill(items, mapping_choice=made.mapping_choice, now=clock.now())
    with atomic():
        if ReplayPlan.objects.select_for_update().get(pk=made.pk).state != PlanState.DRAFT:
            made.refresh_from_db()
            return made
        ReplayItem.objects.bulk_update(items, ["forecast", "why", "difference", "state"])
        made.digest = seal(items, made.mapping_choice)
        made.expires_at = clock.now() + VALID_FOR
        made.needs_second_person = _worth(items) > Decimal(settings.SECOND_PERSON_ABOVE)
        made.state = PlanState.PLANNED
        made.save()
        bell.ring("jobs", f"job-{made.pk}")
    return made


def seal(items: Sequence[ReplayItem], mapping_choice: str) -> str:
    """The digest of exactly what would happen; approval is bound to it."""
    content = [
        [str(item.step_id), item.fence, item.forecast, item.why, item.difference]
        for item in sorted(items, key=lambda item: str(item.step_id))
    ]
    text = json.dumps([mapping_choice, content], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _worth(items: Sequence[ReplayItem]) -> Decimal:
    rate = rates()
    return sum(
        (
            item.amount * rate.get(item.currency, Decimal(0))
            for item in items
            if item.state != ItemState.EXCLUDED
        ),
        Decimal(0),
    )


def ask_approval(*, plan: ReplayPlan, by: Person, now: datetime) -> None:
    """Ask a second person to approve exactly this plan. Raises NotAllowed or PlanChanged."""
    transactions = [item.transaction for item in _items(plan)]
    _require(by, Right.REPLAY, transactions, "request approval", plan.title, now)
    if plan.state not in READY:
        raise PlanChanged("This plan has been released, stopped or replaced meanwhile.")
    approvals.request(subject=f"replay {plan.pk}", digest=plan.digest, by=by, now=now)
    bell.ring("jobs", f"job-{plan.pk}")


def release(*, plan: ReplayPlan, digest: str, by: Person, now: datetime) -> ReplayPlan:
    """planned → running. Raises NotAllowed, NeedsSecondPerson or PlanChanged."""
    transactions = [item.transaction for item in _items(plan)]
    _require(by, Right.REPLAY, transactions, "release replay", plan.title, now)
    if plan.needs_second_person and not approvals.granted(
        subject=f"replay {plan.pk}", digest=plan.digest
    ):
        raise NeedsSecondPerson
    with atomic():
        row = ReplayPlan.objects.select_for_update().get(pk=plan.pk)
        _require_unchanged(row, digest, now)
        row.state, row.released_at = PlanState.RUNNING, now
        row.save(update_fields=["state", "released_at"])
        audit.record(
            actor=by,
            verb="release replay",
            subject=str(row.pk),
            allowed=True,
            now=now,
            detail={"digest": digest},
        )
    tick(row.pk, now=now)
    row.refresh_from_db()
    return row


def _require_unchanged(row: ReplayPlan, digest: str, now: datetime) -> None:
    if row.state not in READY or row.digest != digest:
        raise PlanChanged("This plan has been released, stopped or replaced meanwhile.")
    if why := changed_since(row, now):
        raise PlanChanged(why)


def changed_since(plan: ReplayPlan, now: datetime) -> str:
    """Why a sealed plan no longer says what would happen, or "" while it does."""
    if plan.expires_at and plan.expires_at < now:
        return "The plan is older than 30 minutes. Plan again to see what holds now."
    for item in plan.items.exclude(state=ItemState.EXCLUDED).select_related("step"):
        if item.step.fence != item.fence or item.step.state not in REPLAYABLE:
            return f"“{item.step.title}” has moved since the plan was made. Plan again."
    return ""


def _items(plan: ReplayPlan) -> list[ReplayItem]:
    return list(plan.items.select_related("transaction__entity", "step"))


def _require(
    by: Person, right: Right, transactions: Sequence[Transaction], verb: str, subject: str,
    now: datetime,
) -> None:  # fmt: skip
    for transaction in transactions:
        code = transaction.entity.code if transaction.entity else None
        if not may(by, right, code):
            audit.record(actor=by, verb=verb, subject=subject[:120], allowed=False, now=now)
            raise NotAllowed(f"Replaying needs the right “{right}” in {code or 'the firm'}.")


def pause(*, plan: ReplayPlan, by: Person, now: datetime) -> None:
    """running → paused; what is in flight ends."""
    _steer(plan, PlanState.RUNNING, PlanState.PAUSED, "pause replay", by, now)


def resume(*, plan: ReplayPlan, by: Person, now: datetime) -> None:
    """paused → running."""
    _steer(plan, PlanState.PAUSED, PlanState.RUNNING, "resume replay", by, now)


def stop(*, plan: ReplayPlan, by: Person, now: datetime) -> None:
    """Leave out what has not been sent; what is in flight ends by itself. Raises PlanChanged when
    the job has ended."""
    with atomic():
        origin = ReplayPlan.objects.values_list("state", flat=True).get(pk=plan.pk)
        if origin not in STOPPABLE:
            raise PlanChanged("The job has ended already.")
        _steer(plan, origin, PlanState.CANCELLED, "stop replay", by, now)
        plan.items.filter(state=ItemState.WAITING).update(
            state=ItemState.EXCLUDED, text=f"Stopped by {by.username}.", ended_at=now
        )
        ReplayPlan.objects.filter(pk=plan.pk).update(ended_at=now)


def _steer(
    plan: ReplayPlan, origin: str, target: str, verb: str, by: Person, now: datetime
) -> None:
    _require(by, Right.REPLAY, [i.transaction for i in _items(plan)], verb, plan.title, now)
    with atomic():
        moved = ReplayPlan.objects.filter(pk=plan.pk, state=origin).update(state=target)
        if not moved:
            raise PlanChanged("The job is no longer in that state.")
        audit.record(actor=by, verb=verb, subject=str(plan.pk), allowed=True, now=now)
        bell.ring("jobs", "tower", f"job-{plan.pk}")
