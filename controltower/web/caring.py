"""Who looks after a cause, and whether it is put aside; each act can be taken back for a moment."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.db.transaction import atomic
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from controltower.firm.models import Person
from controltower.incidents import triage
from controltower.incidents.models import Cause
from controltower.web import aside_words, exceptions, meanwhile, undo
from controltower.web.decisions import Assign, Reason, Snooze
from controltower.web.remedies import beyond_reach
from controltower.web.security import SignedIn

OVERTAKEN = gettext_lazy("Somebody has changed it since. Nothing was taken back.")


def _overtaken(request: SignedIn, pk: int) -> tuple[Cause, bool]:
    """The cause, locked, and whether it stands otherwise than was shown, which is said then."""
    _cause, _ignored = exceptions.letters_of_cause(request, pk)
    cause = Cause.objects.select_for_update().get(pk=pk)
    if undo.is_overtaken(request, cause):
        messages.warning(request, OVERTAKEN)
    elif meanwhile.changed(request, undo.standing(cause)):
        messages.warning(request, meanwhile.words(request, cause.owner))
    else:
        return cause, False
    return cause, True


@require_POST
@atomic
def assign(request: SignedIn, pk: int) -> HttpResponse:
    """Give the cause an owner."""
    cause, overtaken = _overtaken(request, pk)
    form = Assign(request.POST)
    if not form.is_valid():
        messages.error(request, _("This person cannot take it. Nothing was changed."))
        return exceptions.back(cause)
    if overtaken:
        return exceptions.back(cause)
    owner: Person | None = form.cleaned_data["to"]
    before, now = cause.owner, timezone.now()
    try:
        triage.assign(cause=cause, to=owner, by=request.user, now=now)
    except triage.NotAllowed:
        messages.error(request, beyond_reach(cause, request.user))
    else:
        taken = _("%(name)s takes it.") % {"name": owner} if owner else _("It has no owner now.")
        if before not in (None, owner):
            taken += " " + _("%(name)s had it until now.") % {"name": before}
        messages.success(request, taken)
        _offer_undo(
            request, "exception_assignments", cause, now, to=str(before.pk if before else "")
        )
    return exceptions.back(cause)


def _offer_undo(request: SignedIn, route: str, cause: Cause, now: datetime, **fields: str) -> None:
    """Offer the opposite act, except of an undo itself."""
    if undo.STANDING not in request.POST:
        stands = {undo.STANDING: undo.standing(cause)}
        undo.offer(request, reverse(route, args=[cause.pk]), now, **fields, **stands)


@require_POST
@atomic
def snooze(request: SignedIn, pk: int) -> HttpResponse:
    """Put the cause aside until a time, or until there is more of it; or wake it."""
    cause, overtaken = _overtaken(request, pk)
    form, now = Snooze(request.POST), timezone.now()
    if not form.is_valid():
        messages.error(request, _("A limit is a number above nothing. Nothing was changed."))
    elif not overtaken:
        _put_aside(request, cause, form.aside(now), form.cleaned_data["reason"], now)
    return exceptions.back(cause)


@require_POST
@atomic
def park(request: SignedIn, pk: int) -> HttpResponse:
    """Put the cause aside until somebody takes it up."""
    cause, overtaken = _overtaken(request, pk)
    form = Reason(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    if not overtaken:
        _put_aside(request, cause, triage.Aside(), reason, timezone.now())
    return exceptions.back(cause)


def _put_aside(
    request: SignedIn, cause: Cause, aside: triage.Aside | None, reason: str, now: datetime
) -> None:
    was_awake = Cause.objects.awake(now).filter(pk=cause.pk).exists()
    try:
        if aside is None:
            triage.wake(cause=cause, reason=reason, by=request.user, now=now)
        else:
            triage.put_aside(cause=cause, aside=aside, reason=reason, by=request.user, now=now)
    except triage.NotAllowed:
        messages.error(request, beyond_reach(cause, request.user))
    except triage.ReasonMissing:
        messages.error(request, exceptions.NEEDS_REASON)
    else:
        messages.success(request, _laid(aside, now))
        if aside is not None and was_awake:
            reason = _("Taken back at once.")
            _offer_undo(request, "exception_snoozes", cause, now, hours="0", reason=reason)


def _laid(aside: triage.Aside | None, now: datetime) -> str:
    if aside is None:
        return _("It is awake again.")
    return aside_words.words(aside, now)
