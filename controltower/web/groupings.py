"""Grouping exceptions differently: a part is split off, causes are joined, a decision is taken
back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.incidents import grouping, triage
from controltower.incidents.models import Cause, Grouping
from controltower.web import cause_actions, exception_groups
from controltower.web.decisions import Join, Split
from controltower.web.exceptions import NEEDS_REASON, scope_of
from controltower.web.remedies import beyond_reach
from controltower.web.security import SignedIn


@require_POST
def split(request: SignedIn, pk: int) -> HttpResponse:
    """A company or a client of the cause gets a cause of its own; what comes later follows."""
    cause = _cause(request, pk)
    form = Split(request.POST, parts=cause_actions.parts_of(cause, scope_of(request)))
    complete = form.is_valid()

    def decide() -> tuple[Cause, str]:
        if not complete:
            return _incomplete(request, cause, "split")
        by, value = form.cleaned_data["part"]
        part = grouping.split(
            cause=cause, by=by, value=value, reason=form.cleaned_data["reason"],
            person=request.user, now=timezone.now(),
        )  # fmt: skip
        return part, _("%(value)s stands alone from now on.") % {"value": value}

    return _answer(request, cause, decide)


@require_POST
def join(request: SignedIn, pk: int) -> HttpResponse:
    """All of the cause stands under another; what comes later follows."""
    cause = _cause(request, pk)
    form = Join(request.POST, others=cause_actions.others_than(cause, scope_of(request)))
    complete = form.is_valid()

    def decide() -> tuple[Cause, str]:
        if not complete:
            return _incomplete(request, cause, "join")
        into: Cause = form.cleaned_data["into"]
        grouping.join(
            cause=cause, into=into, reason=form.cleaned_data["reason"],
            person=request.user, now=timezone.now(),
        )  # fmt: skip
        return into, _("They stand together from now on.")

    return _answer(request, cause, decide)


@require_POST
def take_back(request: SignedIn, pk: int, decision: int) -> HttpResponse:
    """Letters stand by their own cause again."""
    cause = _cause(request, pk)
    chosen = get_object_or_404(Grouping, pk=decision)
    if cause.pk != chosen.cause_id and cause.fingerprint != chosen.fingerprint:
        raise Http404

    def decide() -> tuple[Cause, str]:
        origin = grouping.take_back(grouping=chosen, person=request.user, now=timezone.now())
        return origin, _("They are grouped by their cause again.")

    return _answer(request, cause, decide)


def _cause(request: SignedIn, pk: int) -> Cause:
    """The cause, if this person sees anything of it; else 404."""
    scope = scope_of(request)
    seen = (exception_groups.letters_of(scope, solved=solved) for solved in (False, True))
    if not any(letters.filter(cause=pk).exists() for letters in seen):
        raise Http404
    return get_object_or_404(Cause.objects.select_related("system"), pk=pk)


def _incomplete(request: SignedIn, cause: Cause, verb: str) -> NoReturn:
    """Who may not decide at all is told that first."""
    triage.require(request.user, verb, cause, timezone.now())
    raise triage.ReasonMissing


def _answer(
    request: SignedIn, cause: Cause, decide: Callable[[], tuple[Cause, str]]
) -> HttpResponse:
    try:
        cause, words = decide()
    except triage.NotAllowed:
        messages.error(request, beyond_reach(cause, request.user))
    except triage.ReasonMissing:
        messages.error(request, NEEDS_REASON)
    except grouping.Pointless as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, words)
    return HttpResponseRedirect(reverse("exception", args=[cause.pk]))
