"""The exceptions' pages: causes by money, one cause, and what a person does with it as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.models import Person
from controltower.firm.rights import Right, may
from controltower.incidents import grouping, settling, triage
from controltower.incidents.models import Cause, DeadLetter
from controltower.measures.exposure import Scope
from controltower.transactions import replay, set_aside
from controltower.transactions.models import Transaction
from controltower.web import (
    exception_filters,
    exception_groups,
    exception_page,
    formats,
    scope,
    settlements,
    view_strip,
)
from controltower.web.actions import only
from controltower.web.decisions import (
    WRITE_OFF,
    DecideWork,
    PlanReplay,
    Settle,
)
from controltower.web.privacy import masked_text
from controltower.web.security import SignedIn

NEEDS_REASON = gettext_lazy("That needs a reason. Nothing was changed.")


def scope_of(request: SignedIn) -> Scope:
    """Whose eyes, and the entity they have chosen."""
    return Scope(request.user, scope.chosen(request))


@require_safe
def exceptions(request: SignedIn) -> HttpResponse:
    """Causes under their tabs, most money first."""
    now = timezone.now()
    filters = exception_filters.Filters(request.GET)
    found = exception_groups.listing(scope_of(request), filters, now)
    context = {
        "tabs": exception_groups.tabs_of(found, filters),
        "form": filters,
        "groups": found.groups,
        "count": found.count,
        "more": found.more,
        "total": found.total,
        "checked_words": _("Last checked %(at)s.") % {"at": formats.clock(now)},
        "filters": filters.number,
        "nothing": exception_filters.NOTHING[found.tab],
        "clear_url": reverse("exceptions"),
        "region_url": request.get_full_path(),
        "set_aside": set_aside.visible_to(request.user).count(),
        **view_strip.shown(request, "exceptions"),
    }
    return render(request, "exceptions/list.html", context)


@require_safe
def exception(request: SignedIn, pk: int) -> HttpResponse:
    """One cause with its rows."""
    cause = get_object_or_404(Cause.objects.select_related("owner", "system"), pk=pk)
    context = exception_page.present(cause, scope_of(request), request.GET, timezone.now())
    if context is None:
        if into := grouping.joined_into(cause):
            return HttpResponseRedirect(reverse("exception", args=[into.pk]))
        raise Http404
    return render(request, "exceptions/group.html", context)


def letters_of_cause(request: SignedIn, pk: int) -> tuple[Cause, list[DeadLetter]]:
    """The cause and its open letters that this person may see; 404 when there is none."""
    letters = exception_groups.letters_of(scope_of(request)).filter(cause=pk)
    found = list(letters.select_related("cause", "transaction__entity"))
    if not found:
        raise Http404
    return found[0].cause, found


def back(cause: Cause) -> HttpResponse:
    return HttpResponseRedirect(reverse("exception", args=[cause.pk]))


@require_POST
def replays(request: SignedIn, pk: int) -> HttpResponse:
    """Plan the replay of what was ticked, or of all that match at this moment: the set is frozen
    here, and the plan's page repeats its count and value."""
    cause, letters = letters_of_cause(request, pk)
    steps = [letter.step_id for letter in letters]
    everything = "all_matching" in request.POST
    form = PlanReplay(request.POST, steps=steps)
    if not form.is_valid():
        messages.warning(request, _("Some of what was ticked is not stuck any more. Tick again."))
        return back(cause)
    chosen: list[UUID] = steps if everything else form.cleaned_data["step"]
    if not chosen:
        messages.warning(request, _("Nothing was ticked. Tick what should be replayed."))
        return back(cause)
    title = gettext_noop("Replay: %(cause)s") % {"cause": masked_text(cause.title)}
    try:
        made = replay.plan(
            steps=chosen,
            title=title,
            selection={"cause": cause.pk, "count": len(chosen), "all_matching": everything},
            mapping=form.cleaned_data["mapping"],
            by=request.user,
            now=timezone.now(),
        )
    except replay.NotAllowed:
        messages.error(request, only(Right.REPLAY))
        return back(cause)
    except replay.NotReplayable as refusal:
        messages.warning(request, str(refusal))
        return back(cause)
    return HttpResponseRedirect(reverse("job", args=[made.pk]))


@require_POST
def solve(request: SignedIn, pk: int) -> HttpResponse:
    """End everything of the cause as settled elsewhere, or write it off."""
    cause, letters = letters_of_cause(request, pk)
    form = Settle(request.POST)
    if not form.is_valid():
        messages.error(request, NEEDS_REASON)
        return back(cause)
    try:
        made = settling.settle(
            transactions=[letter.transaction for letter in letters],
            reason=form.cleaned_data["reason"],
            by=request.user,
            now=timezone.now(),
            discard=form.cleaned_data["how"] == WRITE_OFF,
            cause=cause,
        )
    except triage.NotAllowed:
        messages.error(request, only(Right.RESOLVE))
    except triage.ReasonMissing:
        messages.error(request, NEEDS_REASON)
    except settling.NotDecidable as why:
        messages.warning(request, str(why))
    else:
        settlements.say(request, made)
    return back(cause)


@require_POST
def decide(request: SignedIn, pk: int) -> HttpResponse:
    """Decide on a closed period for everything of the cause."""
    cause, letters = letters_of_cause(request, pk)
    form = DecideWork(request.POST)
    if not form.is_valid():
        messages.error(request, NEEDS_REASON)
        return back(cause)
    try:
        count = _decide(letters, request.user, form.cleaned_data)
    except triage.NotAllowed:
        messages.error(request, only(triage.right_to(form.cleaned_data["decision"])))
    except triage.ReasonMissing:
        messages.error(request, NEEDS_REASON)
    else:
        words = ngettext("Decided for %(n)d.", "Decided for %(n)d.", count) % {"n": count}
        messages.success(request, words)
    return back(cause)


def _decide(letters: Sequence[DeadLetter], by: Person, decided: Mapping[str, Any]) -> int:
    """Decide for each that still waits; returns how many did."""
    count = 0
    for one in _refusable_first(letters, by, triage.right_to(decided["decision"])):
        with suppress(triage.NotWaiting):
            triage.decide(
                transaction=one,
                decision=decided["decision"],
                by=by,
                reason=decided["reason"],
                now=timezone.now(),
            )
            count += 1
    return count


def _refusable_first(
    letters: Sequence[DeadLetter], person: Person, right: Right
) -> list[Transaction]:
    """What the person may not touch comes first, so that a refusal comes before any change."""

    def allowed(one: Transaction) -> bool:
        return may(person, right, one.entity.code if one.entity else None)

    return sorted((letter.transaction for letter in letters), key=allowed)
