"""Following a runbook, step by step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from controltower.incidents import acts, runs, settling, triage
from controltower.incidents.models import Cause, Incident, Run, RunbookVersion
from controltower.measures import probes
from controltower.systems import upkeep
from controltower.transactions import replay
from controltower.web import exception_groups, offers, run_page
from controltower.web.decisions import Reason
from controltower.web.exceptions import NEEDS_REASON, scope_of
from controltower.web.sayings import heard
from controltower.web.security import SignedIn

REFUSED = (
    runs.NotAllowed,
    triage.NotAllowed,
    replay.NotAllowed,
    replay.NotReplayable,
    settling.NotDecidable,
    upkeep.NotAllowed,
)
"""Refusals that say who may, or why not."""


@require_safe
def run(request: SignedIn, pk: int) -> HttpResponse:
    """One run."""
    context = run_page.present(_run(request, pk), scope_of(request), timezone.now())
    return render(request, "runs/run.html", context)


def _run(request: SignedIn, pk: int) -> Run:
    """A run about something that the person may see."""
    found = Run.objects.visible_to(request.user)
    return get_object_or_404(
        found.select_related("version__runbook", "incident", "cause", "started_by"), pk=pk
    )


@require_POST
def of_incident(request: SignedIn, pk: int) -> HttpResponse:
    """Begin to follow a runbook for an incident."""
    found = get_object_or_404(Incident.objects.visible_to(request.user), pk=pk)
    return _start(request, reverse("incident", args=[pk]), incident=found)


@require_POST
def of_cause(request: SignedIn, pk: int) -> HttpResponse:
    """Begin to follow a runbook for a group."""
    if not exception_groups.letters_of(scope_of(request)).filter(cause=pk).exists():
        raise Http404
    cause = get_object_or_404(Cause, pk=pk)
    return _start(request, reverse("exception", args=[pk]), cause=cause)


def _start(
    request: SignedIn, back: str, *, incident: Incident | None = None, cause: Cause | None = None
) -> HttpResponse:
    form = offers.Follow(request.POST)
    chosen = RunbookVersion.objects.filter(
        pk=form.cleaned_data["version"] if form.is_valid() else 0
    )
    version = chosen.select_related("runbook").first()
    try:
        if version is None:
            raise runs.NotApproved
        made = runs.start(
            version=version, incident=incident, cause=cause, by=request.user, now=timezone.now()
        )
    except runs.NotApproved:
        messages.error(request, _("Only an approved runbook can be followed. Nothing was changed."))
    except runs.NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        return HttpResponseRedirect(reverse("run", args=[made.pk]))
    return HttpResponseRedirect(back)


@require_POST
def step(request: SignedIn, pk: int, position: int) -> HttpResponse:
    """Look, act, decide or skip at the step at hand."""
    one, form = _run(request, pk), run_page.Do(request.POST)
    if not form.is_valid():
        messages.error(request, NEEDS_REASON)
        return HttpResponseRedirect(reverse("run", args=[pk]))
    given, by = form.cleaned_data, request.user
    reason = given["reason"]

    def look(now: datetime) -> None:
        found = probes.look(run=one, position=position, by=by, now=now)
        if not found.holds and one.steps.filter(position=position, until__gt=now).exists():
            words = _("Looked just now, and it is waited for on: %(found)s")
            messages.info(request, words % {"found": heard(found.words)})

    def choose(now: datetime) -> None:
        choice = given["choice"] if given["choice"] is not None else -1
        runs.choose(run=one, position=position, choice=choice, reason=reason, by=by, now=now)

    verbs: dict[str, Callable[[datetime], None]] = {
        run_page.LOOK: look,
        run_page.ACT: lambda now: acts.perform(
            run=one, position=position, reason=reason, by=by, now=now
        ),
        run_page.CHOOSE: choose,
        run_page.SKIP: lambda now: runs.skip(
            run=one, position=position, reason=reason, by=by, now=now
        ),
        run_page.EVIDENCE: lambda now: runs.add_evidence(
            run=one, position=position, text=given["text"], by=by, now=now
        ),
    }
    return _try(request, one, verbs[given["do"]])


@require_POST
def stop(request: SignedIn, pk: int) -> HttpResponse:
    """Give the run up."""
    one, form = _run(request, pk), Reason(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    return _try(
        request, one, lambda now: runs.stop(run=one, reason=reason, by=request.user, now=now)
    )


def _is_told(request: SignedIn) -> bool:
    """Whether something was said just now, which stands at the top of the page."""
    return bool(getattr(messages.get_messages(request), "added_new", False))


def _try(request: SignedIn, one: Run, act: Callable[[datetime], None]) -> HttpResponse:
    try:
        act(timezone.now())
    except REFUSED as refused:
        messages.error(request, str(refused))
    except (runs.ReasonMissing, triage.ReasonMissing, upkeep.ReasonMissing):
        messages.error(request, NEEDS_REASON)
    except runs.MovedOn:
        messages.warning(request, _("The run has moved on meanwhile. See where it is now."))
    except acts.NoSystem:
        messages.warning(request, _("No system is involved here. Skip this step with a reason."))
    at = "" if _is_told(request) else "#at-hand"
    return HttpResponseRedirect(reverse("run", args=[one.pk]) + at)
