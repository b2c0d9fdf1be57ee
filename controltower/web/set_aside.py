"""The page of events that could not become transactions."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.rights import Right
from controltower.transactions import set_aside
from controltower.transactions.models import BodyRemoved, InboundEvent
from controltower.web import received
from controltower.web.actions import leave
from controltower.web.security import SignedIn

MOST = 200


@require_safe
def events(request: SignedIn) -> HttpResponse:
    """What was set aside, newest first: where from, why, and a way to have it read again."""
    found = set_aside.visible_to(request.user)
    context = {
        "crumbs": [(_("Exceptions"), reverse("exceptions")), (_("Set aside"), "")],
        "events": found[:MOST],
        "total": found.count(),
        "may": leave(request.user, Right.REPLAY),
    }
    return render(request, "exceptions/set_aside.html", context)


@require_POST
def readings(request: SignedIn, pk: UUID) -> HttpResponse:
    """Have one event read again."""
    there = set_aside.visible_to(request.user), set_aside.removed_for(request.user)
    if not any(events.filter(pk=pk).exists() for events in there):
        raise Http404
    try:
        moved = set_aside.read_again(event=pk, by=request.user, now=timezone.now())
    except set_aside.NotAllowed as refusal:
        messages.error(request, str(refusal))
    except BodyRemoved as gone:
        messages.error(request, _gone(gone.event))
    else:
        if moved:
            again = _("It is read again. If it still cannot be, it comes back here.")
            messages.success(request, again)
        else:
            messages.error(request, _("It is read again when it changes at its source."))
    return HttpResponseRedirect(reverse("set_aside"))


def _gone(event: InboundEvent) -> str:
    removal = event.removal
    assert removal is not None
    words = ngettext(
        "Its body was removed on %(day)s by the policy of %(n)s day: it is not read again. "
        "Nothing was changed. Change the record at its source: it comes as a new event then.",
        "Its body was removed on %(day)s by the policy of %(n)s days: it is not read again. "
        "Nothing was changed. Change the record at its source: it comes as a new event then.",
        removal.kept_days,
    )
    return words % {"day": received.day_of(removal), "n": removal.kept_days}
