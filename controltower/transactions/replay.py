"""Replay: a frozen selection, a sealed plan, a release through the resolver, and proof.

A replay never creates a step and never sends by itself: it puts the same step, with the same
idempotency key, back under the engine. `survey` asks the targets first what would happen; the
release is refused when anything has moved since (PLAN_CHANGED).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.transaction import atomic

from controltower import queues
from controltower.firm import approvals, audit
from controltower.firm.limits import second_person_above
from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.transactions import bell, clock, forecast, sets
from controltower.transactions import selection as frozen
from controltower.transactions.models import (
    ItemState,
    PlanState,
    ReplayItem,
    ReplayPlan,
)
from controltower.transactions.replaying import tick

NOTHING_STUCK = "Nothing here is stuck any more, so there is nothing to replay."
VALID_FOR = timedelta(minutes=30)
ASKED_AT_ONCE = 25
"""So many items are asked about before a survey says how far it is."""
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
    codes = frozen.entity_codes(steps)
    if not codes:
        raise NotReplayable(NOTHING_STUCK)
    _require(by, Right.REPLAY, codes, "plan replay", title, now)
    with atomic():
        made = ReplayPlan.objects.create(
            title=title[:200],
            selection=selection,
            mapping_choice=mapping,
            requested_by=by,
            requested_at=now,
        )
        count = frozen.freeze(made, steps)
        if not count:
            raise NotReplayable(NOTHING_STUCK)
        detail = {"count": count, "selection": selection}
        audit.record(
            actor=by, verb="plan replay", subject=str(made.pk), allowed=True, now=now, detail=detail
        )
        queues.ring(queues.ENGINE, "plan_replay", str(made.pk))
    return made


def survey(plan_id: UUID | str) -> ReplayPlan:
    """Ask rules and targets what would happen, of each item or of a sample of many; write it down
    and seal it. Reads only."""
    made = ReplayPlan.objects.get(pk=plan_id)
    if made.state != PlanState.DRAFT:
        return made
    items = frozen.sample(made)
    for first in range(0, len(items), ASKED_AT_ONCE):
        _ask(made, items[first : first + ASKED_AT_ONCE])
    with atomic():
        if not _is_draft(made):
            made.refresh_from_db()
            return made
        made.digest = frozen.seal(made)
        made.expires_at = clock.now() + VALID_FOR
        limit = second_person_above(frozen.entity_codes_of(made))
        made.needs_second_person = frozen.worth(made) > limit
        made.state = PlanState.PLANNED
        made.save()
        bell.ring("jobs", f"job-{made.pk}")
    return made


def _ask(made: ReplayPlan, items: Sequence[ReplayItem]) -> None:
    """Write down what would happen to some items, so that the job shows how far the survey is; an
    earlier survey that was cut short is forgotten."""
    for item in items:
        item.state, item.text = ItemState.WAITING, ""
    forecast.fill(items, mapping_choice=made.mapping_choice, now=clock.now())
    names = ("forecast", "why", "difference", "state", "text")
    with atomic():
        if _is_draft(made):
            rows = {i.pk: {name: getattr(i, name) for name in names} for i in items}
            sets.update(ReplayItem, rows)
            bell.ring(f"job-{made.pk}")


def _is_draft(made: ReplayPlan) -> bool:
    """Whether it has not been stopped or sealed meanwhile; its row is locked."""
    return ReplayPlan.objects.select_for_update().get(pk=made.pk).state == PlanState.DRAFT


def ask_approval(*, plan: ReplayPlan, by: Person, now: datetime) -> None:
    """Ask a second person to approve exactly this plan. Raises NotAllowed or PlanChanged."""
    _require(by, Right.REPLAY, frozen.entity_codes_of(plan), "request approval", plan.title, now)
    if plan.state not in READY:
        raise PlanChanged("This plan has been released, stopped or replaced meanwhile.")
    approvals.request(subject=f"replay {plan.pk}", digest=plan.digest, by=by, now=now)
    bell.ring("jobs", f"job-{plan.pk}")


def release(*, plan: ReplayPlan, digest: str, by: Person, now: datetime) -> ReplayPlan:
    """planned → running. Raises NotAllowed, NeedsSecondPerson or PlanChanged."""
    _require(by, Right.REPLAY, frozen.entity_codes_of(plan), "release replay", plan.title, now)
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
    if why := frozen.changed_since(row, now):
        raise PlanChanged(why)


def _require(
    by: Person, right: Right, codes: Collection[str | None], verb: str, subject: str, now: datetime
) -> None:
    for code in codes:
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
            state=ItemState.EXCLUDED, text=f"Stopped by {by}.", ended_at=now
        )
        ReplayPlan.objects.filter(pk=plan.pk).update(ended_at=now)


def _steer(
    plan: ReplayPlan, origin: str, target: str, verb: str, by: Person, now: datetime
) -> None:
    _require(by, Right.REPLAY, frozen.entity_codes_of(plan), verb, plan.title, now)
    with atomic():
        moved = ReplayPlan.objects.filter(pk=plan.pk, state=origin).update(state=target)
        if not moved:
            raise PlanChanged("The job is no longer in that state.")
        audit.record(actor=by, verb=verb, subject=str(plan.pk), allowed=True, now=now)
        bell.ring("jobs", "tower", f"job-{plan.pk}")
