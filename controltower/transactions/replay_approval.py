"""The second person's word on a replay plan: bound to exactly what was sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, TextField, Value
from django.db.models.functions import Cast, Concat

from controltower.firm import approvals, audit
from controltower.firm.models import Approval, Person
from controltower.firm.rights import Right, holders, may
from controltower.transactions import bell
from controltower.transactions.models import ReplayPlan
from controltower.transactions.replay import NotAllowed, PlanChanged
from controltower.transactions.selection import entity_codes_of

_REPLAY = "replay "


def subject_of(plan: ReplayPlan) -> str:
    """The name of the plan among approvals."""
    return f"{_REPLAY}{plan.pk}"


def latest(plan: ReplayPlan) -> Approval | None:
    """The newest request or decision on exactly this plan."""
    return latest_of([plan]).get(plan.pk)


def latest_of(plans: Sequence[ReplayPlan]) -> dict[UUID, Approval]:
    """The newest request or decision on exactly each of these plans, where there is one."""
    words = Approval.objects.filter(subject__in=map(subject_of, plans))
    words = words.select_related("requested_by", "decided_by").order_by("requested_at", "pk")
    found = {(word.subject, word.digest): word for word in words}
    each = ((plan.pk, found.get((subject_of(plan), plan.digest))) for plan in plans)
    return {pk: word for pk, word in each if word is not None}


def has_word(state: Approval.State) -> Exists:
    """Of plans: those on which, as they are sealed, there is such a word."""
    subject = Concat(Value(_REPLAY), Cast(OuterRef("pk"), TextField()))
    return Exists(
        Approval.objects.order_by().filter(subject=subject, digest=OuterRef("digest"), state=state)
    )


def may_decide(plan: ReplayPlan, person: Person) -> bool:
    """Whether the person's duties reach every legal entity in the plan."""
    codes = entity_codes_of(plan) or {None}
    return all(may(person, Right.APPROVE_REPLAY, code) for code in codes)


def deciders(plan: ReplayPlan, *, besides: Person) -> list[Person]:
    """Who else than the one who asks may decide."""
    people = holders(Right.APPROVE_REPLAY).exclude(pk=besides.pk)
    found = people.order_by("last_name", "first_name", "pk")
    return [one for one in found.prefetch_related("duties__entity") if may_decide(plan, one)]


def decide(
    *, plan: ReplayPlan, digest: str, by: Person, approve: bool, reason: str, now: datetime
) -> Approval:
    """Approve or refuse. Raises NotAllowed, PlanChanged or `approvals.SamePerson`."""
    if not may_decide(plan, by):
        audit.record(actor=by, verb="approve", subject=subject_of(plan), allowed=False, now=now)
        raise NotAllowed("Approving replays needs another role.")
    request = latest(plan)
    if request is None or digest != plan.digest:
        raise PlanChanged("Nobody has asked for approval of this plan, or it has changed since.")
    try:
        decided = approvals.decide(
            approval=request, digest=digest, by=by, approve=approve, reason=reason, now=now
        )
    except approvals.NotOpen:
        raise PlanChanged("This has been decided already.") from None
    bell.ring("jobs", f"job-{plan.pk}")
    return decided
