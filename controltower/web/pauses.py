"""Stopping the clock of a promise while a client is waited for, and letting it go on."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from controltower.firm.rights import Right
from controltower.transactions import consent, pausing
from controltower.transactions.models import Awaited, Transaction
from controltower.web import standing
from controltower.web.actions import only
from controltower.web.pause_actions import CHAIN, PausePromise
from controltower.web.security import SignedIn
from controltower.web.transactions import part_of


@require_POST
def pause(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Stop the clock of one transaction, or of all of its chain that is under way."""
    part, form, now = part_of(request, correlation_id), PausePromise(request.POST), timezone.now()
    back = HttpResponseRedirect(standing.url_of(part))
    if not form.is_valid():
        messages.error(request, _("A pause needs a reason, a date and a link. Nothing was paused."))
        return back
    said = form.cleaned_data
    parts = [part]
    if said["scope"] == CHAIN:
        seen = Transaction.objects.visible_to(request.user).select_related("entity")
        parts = list(seen.live().filter(correlation_id=correlation_id))
    more = {
        "awaits": Awaited(said["awaits"]), "until": form.moment(request.user.zone),
        "evidence": said["evidence"], "note": said["note"], "by": request.user, "now": now,
    }  # fmt: skip
    try:
        if said["scope"] == CHAIN:
            made = pausing.pause_chain(transactions=parts, **more)
        else:
            made = [pausing.pause(transaction=part, **more)]
    except consent.NotAllowed:
        messages.error(request, only(Right.PAUSE_PROMISE))
    except pausing.CannotPause as why:
        messages.warning(request, _("Nothing was paused. %(why)s") % {"why": why})
    else:
        words = ngettext(
            "The promise of %(n)d transaction is paused.",
            "The promises of %(n)d transactions are paused.",
            len(made),
        )
        messages.success(request, words % {"n": len(made)})
    return back


@require_POST
def resume(request: SignedIn, correlation_id: str) -> HttpResponse:
    """Let a paused clock go on."""
    part = part_of(request, correlation_id)
    try:
        done = pausing.resume(transaction=part, by=request.user, now=timezone.now())
    except consent.NotAllowed:
        messages.error(request, only(Right.PAUSE_PROMISE))
    else:
        words = _("The promise goes on.") if done else _("It was going on already.")
        messages.success(request, words)
    return HttpResponseRedirect(standing.url_of(part))
