"""The incidents' pages, and what people do with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.transaction import atomic
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.rights import Right
from controltower.incidents import leading
from controltower.incidents.models import Cause, Incident, IncidentState, Severity
from controltower.measures import alarms, at_stake
from controltower.systems.models import System
from controltower.web import (
    exception_groups,
    incident_forms,
    incident_list,
    incident_page,
    meanwhile,
    view_strip,
)
from controltower.web.actions import only
from controltower.web.decisions import Reason
from controltower.web.exceptions import scope_of
from controltower.web.security import SignedIn

REFUSALS: Mapping[type[Exception], Any] = {
    leading.WordMissing: gettext_lazy("That needs a word. Nothing was changed."),
    leading.StillBroken: gettext_lazy(
        "It has not been quiet for half an hour yet, so it stays open. Nothing was changed."
    ),
}


@require_safe
def incidents(request: SignedIn) -> HttpResponse:
    """Incidents under their tabs, the gravest first."""
    now = timezone.now()
    context = incident_list.listing(scope_of(request), incident_list.Filters(request.GET), now)
    context |= {"now": now, "region_url": request.get_full_path()}
    context |= view_strip.shown(request, "incidents")
    return render(request, "incidents/list.html", context)


@require_safe
def incident(request: SignedIn, pk: int) -> HttpResponse:
    """One incident."""
    context = incident_page.present(_incident(request, pk), scope_of(request), timezone.now())
    return render(request, "incidents/incident.html", context)


def _incident(request: SignedIn, pk: int) -> Incident:
    found = Incident.objects.visible_to(request.user).select_related("owner", "deputy")
    return get_object_or_404(found, pk=pk)


@require_POST
def of_cause(request: SignedIn, pk: int) -> HttpResponse:
    """Open the incident of a group, or come to the one that is open."""
    seen = exception_groups.letters_of(scope_of(request)).filter(cause=pk)
    if not seen.exists():
        raise Http404
    cause, now = get_object_or_404(Cause, pk=pk), timezone.now()
    figures = at_stake.figures(at_stake.held_by(cause), now)
    try:
        made = leading.open_for(
            cause=cause, title=cause.title, severity=alarms.severity(figures), figures=figures,
            by=request.user, now=now,
        )  # fmt: skip
    except leading.NotAllowed:
        messages.error(request, only(Right.LEAD_INCIDENT))
        return HttpResponseRedirect(reverse("exception", args=[pk]))
    return HttpResponseRedirect(reverse("incident", args=[made.pk]))


@require_POST
def of_system(request: SignedIn, slug: str) -> HttpResponse:
    """Open the incident of a system, or come to the one that is open."""
    system, now = get_object_or_404(System, slug=slug, active=True), timezone.now()
    try:
        made = leading.open_for(
            system=system, title=gettext_noop("%(system)s is in trouble") % {"system": system},
            severity=Severity.HIGH, by=request.user, now=now,
        )  # fmt: skip
    except leading.NotAllowed:
        messages.error(request, only(Right.LEAD_INCIDENT))
        return HttpResponseRedirect(reverse("system", args=[slug]))
    return HttpResponseRedirect(reverse("incident", args=[made.pk]))


@require_POST
def take(request: SignedIn, pk: int) -> HttpResponse:
    """Become its lead."""
    one = _incident(request, pk)

    def act(now: datetime) -> None:
        leading.take(incident=one, by=request.user, now=now, figures=_figures(one, now))

    return _try(request, one, act, _("The incident is yours."))


@require_POST
def hand_over(request: SignedIn, pk: int) -> HttpResponse:
    """Name its lead and deputy."""
    one, form = _incident(request, pk), incident_forms.HandOver(request.POST)

    def act(now: datetime) -> None:
        chosen = form.cleaned_data
        leading.hand_over(
            incident=one, owner=chosen["owner"], deputy=chosen["deputy"], by=request.user, now=now,
            figures=_figures(one, now),
        )  # fmt: skip

    return _try(request, one, act, _("Handed over. Who was named is told."), form)


@require_POST
def update(request: SignedIn, pk: int) -> HttpResponse:
    """Say how it stands."""
    return _say(
        request, pk, incident_forms.Update(request.POST), leading.update, _("Written down.")
    )


@require_POST
def mitigate(request: SignedIn, pk: int) -> HttpResponse:
    """It does no more harm."""
    said = _("Mitigated. It is open until nothing of it shows any more.")
    return _say(request, pk, Reason(request.POST), leading.mitigate, said)


def _say(
    request: SignedIn, pk: int, form: forms.Form, verb: Callable[..., None], done: str
) -> HttpResponse:
    """A verb that takes one text, and the figures of the moment."""
    one = _incident(request, pk)

    def act(now: datetime) -> None:
        text = next(iter(form.cleaned_data.values()))
        verb(incident=one, text=text, by=request.user, now=now, figures=_figures(one, now))

    return _try(request, one, act, done, form)


@require_POST
def link(request: SignedIn, pk: int) -> HttpResponse:
    """Say what else belongs to it."""
    one, form = _incident(request, pk), incident_forms.Link(request.POST, seen=scope_of(request))

    def act(now: datetime) -> None:
        chosen = form.cleaned_data
        leading.link(
            incident=one,
            causes=[chosen["cause"]] if chosen["cause"] else [],
            systems=[chosen["system"]] if chosen["system"] else [],
            transactions=chosen["reference"],
            by=request.user,
            now=now,
        )

    return _try(request, one, act, _("Linked."), form)


@require_POST
def close(request: SignedIn, pk: int) -> HttpResponse:
    """Resolve it, saying what it was."""
    one, form = _incident(request, pk), Reason(request.POST)

    def act(now: datetime) -> None:
        note, figures = form.cleaned_data["reason"], _figures(one, now)
        leading.close(incident=one, note=note, by=request.user, now=now, figures=figures)

    done = _("Resolved. What was held back stays so until somebody resumes it.")
    return _try(request, one, act, done, form)


@require_POST
def review(request: SignedIn, pk: int) -> HttpResponse:
    """Write what was learnt."""
    one, form = _incident(request, pk), incident_forms.Review(request.POST)

    def act(now: datetime) -> None:
        leading.review(incident=one, text=form.cleaned_data["text"], by=request.user, now=now)

    first = one.state != IncidentState.REVIEWED
    return _try(request, one, act, _("Reviewed.") if first else _("Added to the review."), form)


def _figures(one: Incident, now: datetime) -> list[dict[str, Any]]:
    return at_stake.figures(at_stake.hanging_on(one), now)


def _try(
    request: SignedIn,
    one: Incident,
    act: Callable[[datetime], None],
    done: str,
    form: forms.Form | None = None,
) -> HttpResponse:
    """Do it and say so, or say why not."""
    if form is not None and not form.is_valid():
        problem = next(iter(form.errors.values()))[0]
        messages.error(request, _("%(problem)s Nothing was changed.") % {"problem": problem})
        return HttpResponseRedirect(reverse("incident", args=[one.pk]))
    with atomic():
        stands = Incident.objects.select_for_update().get(pk=one.pk)
        if meanwhile.changed(request, meanwhile.standing(stands)):
            messages.warning(request, meanwhile.words(request, stands.owner))
        else:
            _act(request, act, done, form)
    return HttpResponseRedirect(reverse("incident", args=[one.pk]))


def _act(
    request: SignedIn, act: Callable[[datetime], None], done: str, form: forms.Form | None
) -> None:
    try:
        act(timezone.now())
    except leading.NotAllowed as refused:
        messages.error(request, str(refused))
    except leading.Over as refused:
        messages.error(request, str(refused))
        text = next(iter(form.cleaned_data.values()), "") if form else ""
        if text and isinstance(text, str):
            messages.info(request, _("What you wrote: “%(text)s”") % {"text": text})
    except (leading.WordMissing, leading.StillBroken) as refused:
        messages.error(request, REFUSALS[type(refused)])
    else:
        messages.success(request, done)
