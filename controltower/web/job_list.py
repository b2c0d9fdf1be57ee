"""The list of jobs: who sees which, what narrows it, and its rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext_lazy

from controltower.firm.models import Approval, Person
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.transactions.models import PlanState, ReplayItem, ReplayPlan
from controltower.transactions.replay_approval import has_word, latest_of
from controltower.web import marks
from controltower.web.job_tally import tallies
from controltower.web.list_filters import ListFilters, choice, containing

MOST_LISTED = 50
READY = (PlanState.PLANNED, PlanState.APPROVED)
ASKED = "asked"
"""What `marks` calls a plan that waits for the second person."""
_SAID = {Approval.State.REQUESTED: ASKED, Approval.State.APPROVED: PlanState.APPROVED}


def visible(person: Person) -> QuerySet[ReplayPlan]:
    """The jobs of which this person may see something, or for which they have asked."""
    theirs = ReplayItem.objects.order_by().filter(plan=OuterRef("pk"))
    return ReplayPlan.objects.filter(
        Q(requested_by=person) | Exists(exposure.within(Scope(person), theirs))
    )


class Filters(ListFilters):
    """What narrows the list of jobs."""

    state = choice(
        gettext_lazy("State"),
        gettext_lazy("Any state"),
        [(one, marks.state_mark("job", one).word) for one in (ASKED, *PlanState.values)],
    )
    mine = choice(
        gettext_lazy("By"),
        gettext_lazy("Anybody"),
        [("1", gettext_lazy("You"))],
    )
    hint = gettext_lazy("What was replayed, or who asked for it")


def matching(filters: Filters, person: Person, now: datetime) -> QuerySet[ReplayPlan]:
    """The jobs that the filters ask for, as far as the person sees them; none when a filter makes
    no sense."""
    rows = visible(person).select_related("requested_by")
    if not filters.is_valid():
        return rows.none()
    by = "requested_by__first_name", "requested_by__last_name"
    rows = rows.filter(containing(filters.given("q"), "title", *by))
    if filters.given("mine"):
        rows = rows.filter(requested_by=person)
    if state := filters.given("state"):
        rows = rows.alias(told=_told(now)).filter(told=state)
    return rows


def _told(now: datetime) -> Case:
    """The state as `state_of` tells it, for the database."""
    ready = Q(state__in=READY)
    asked, approved = map(has_word, (Approval.State.REQUESTED, Approval.State.APPROVED))
    return Case(
        When(ready & Q(expires_at__lt=now), then=Value(PlanState.STALE)),
        When(ready & asked, then=Value(ASKED)),
        When(ready & approved, then=Value(PlanState.APPROVED)),
        default=F("state"),
    )


def lines_of(plans: Iterable[ReplayPlan], person: Person, now: datetime) -> list[dict[str, Any]]:
    """Some jobs as rows."""
    plans = list(plans)
    sums = tallies([plan.pk for plan in plans], person)
    words = latest_of(plans)
    return [
        {
            "id": plan.pk,
            "url": reverse("job", args=[plan.pk]),
            "title": plan.title,
            "state": state_of(plan, words.get(plan.pk), now),
            "by": str(plan.requested_by),
            "at": plan.requested_at,
            "progress": sums[plan.pk].progress,
            "value": sums[plan.pk].value,
        }
        for plan in plans
    ]


def state_of(plan: ReplayPlan, approval: Approval | None, now: datetime) -> str:
    """The plan's state for `marks`: expired ones are out of date; what waits for the second person,
    or has their approval, says so."""
    if plan.state in READY and plan.expires_at and plan.expires_at < now:
        return PlanState.STALE
    if plan.state in READY and approval:
        return _SAID.get(Approval.State(approval.state), plan.state)
    return plan.state
