"""The jobs' pages: replays as plans that are read, approved, released, steered and received."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from controltower.firm import approvals
from controltower.firm.rights import Right
from controltower.transactions import replay, replay_approval
from controltower.transactions.models import ReplayPlan
from controltower.web import job_list, job_page, view_strip
from controltower.web.actions import only
from controltower.web.decisions import DecideApproval, Sealed
from controltower.web.security import SignedIn


@require_safe
def jobs(request: SignedIn) -> HttpResponse:
    """Every replay this person may see, newest first."""
    now, filters = timezone.now(), job_list.Filters(request.GET)
    rows = job_list.matching(filters, request.user, now)[: job_list.MOST_LISTED]
    context = {
        "jobs": job_list.lines_of(rows, request.user, now),
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("jobs"),
        "region_url": request.get_full_path(),
        **view_strip.shown(request, "jobs"),
    }
    return render(request, "jobs/list.html", context)


@require_safe
def tray(request: SignedIn) -> HttpResponse:
    """The jobs under way, for the top bar."""
    return render(request, "components/_tray.html")


@require_safe
def job(request: SignedIn, pk: UUID) -> HttpResponse:
    """One replay: its plan, its progress, its receipt."""
    plan = _plan(request, pk)
    context = job_page.present(plan, request.user, request.GET, timezone.now())
    return render(request, "jobs/job.html", context)


def _plan(request: SignedIn, pk: UUID) -> ReplayPlan:
    plans = job_list.visible(request.user).select_related("requested_by")
    return get_object_or_404(plans, pk=pk)


def _back(plan: ReplayPlan) -> HttpResponse:
    return HttpResponseRedirect(reverse("job", args=[plan.pk]))


def _try(
    request: SignedIn, plan: ReplayPlan, act: Callable[[datetime], object], done: str
) -> HttpResponse:
    """Do it, and say what came of it; the page shows the state itself."""
    try:
        act(timezone.now())
    except replay.NotAllowed:
        messages.error(request, only(Right.REPLAY))
    except replay.NeedsSecondPerson:
        messages.error(request, _("A second person must approve this plan first."))
    except replay.PlanChanged as changed:
        words = _("Nothing was sent. %(why)s") % {"why": changed}
        messages.warning(request, words)
    else:
        messages.success(request, done)
    return _back(plan)


@require_POST
def ask(request: SignedIn, pk: UUID) -> HttpResponse:
    """Ask a second person for approval."""
    plan = _plan(request, pk)

    def send(now: datetime) -> None:
        replay.ask_approval(plan=plan, by=request.user, now=now)

    who = job_page.deciders(plan, request.user) or _("Somebody else")
    done = _("Asked. %(who)s can approve it now.") % {"who": who}
    return _try(request, plan, send, done)


@require_POST
def decide(request: SignedIn, pk: UUID) -> HttpResponse:
    """The second person approves or refuses."""
    plan, form = _plan(request, pk), DecideApproval(request.POST)
    if not form.is_valid():
        messages.error(request, _("That could not be read. Nothing was decided."))
        return _back(plan)
    approve = form.cleaned_data["approve"] == "yes"
    try:
        replay_approval.decide(
            plan=plan,
            digest=form.cleaned_data["digest"],
            by=request.user,
            approve=approve,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
    except approvals.SamePerson:
        messages.error(request, _("You have asked for it, so somebody else must decide."))
    except replay.NotAllowed:
        messages.error(request, only(Right.APPROVE_REPLAY))
    except replay.PlanChanged as changed:
        messages.warning(request, str(changed))
    else:
        done = _("Approved. Nothing is sent before somebody releases it.")
        messages.success(request, done if approve else _("Refused."))
    return _back(plan)


@require_POST
def release(request: SignedIn, pk: UUID) -> HttpResponse:
    """Release exactly the plan that was shown."""
    plan, form = _plan(request, pk), Sealed(request.POST)
    digest = form.cleaned_data["digest"] if form.is_valid() else ""

    def send(now: datetime) -> None:
        replay.release(plan=plan, digest=digest, by=request.user, now=now)

    return _try(request, plan, send, _("Released. One goes first."))


@require_POST
def pause(request: SignedIn, pk: UUID) -> HttpResponse:
    """Send no more for now."""
    plan = _plan(request, pk)
    return _try(
        request,
        plan,
        lambda now: replay.pause(plan=plan, by=request.user, now=now),
        _("Paused. What is under way ends by itself."),
    )


@require_POST
def resume(request: SignedIn, pk: UUID) -> HttpResponse:
    """Go on."""
    plan = _plan(request, pk)
    return _try(
        request,
        plan,
        lambda now: replay.resume(plan=plan, by=request.user, now=now),
        _("It goes on."),
    )


@require_POST
def stop(request: SignedIn, pk: UUID) -> HttpResponse:
    """Leave out what has not been sent."""
    plan = _plan(request, pk)
    return _try(
        request,
        plan,
        lambda now: replay.stop(plan=plan, by=request.user, now=now),
        _("Stopped. What is under way ends by itself.")
        if plan.released_at
        else _("Given up. Nothing of it has been sent."),
    )


@require_POST
def plan_again(request: SignedIn, pk: UUID) -> HttpResponse:
    """Plan again what is still stuck of an old plan."""
    old = _plan(request, pk)
    try:
        made = replay.plan(
            steps=list(old.items.values_list("step", flat=True)),
            title=old.title,
            selection={**old.selection, "again": str(old.pk)},
            mapping=old.mapping_choice,
            by=request.user,
            now=timezone.now(),
        )
    except replay.NotAllowed:
        messages.error(request, only(Right.REPLAY))
        return _back(old)
    except replay.NotReplayable as refusal:
        messages.info(request, str(refusal))
        return _back(old)
    return _back(made)
