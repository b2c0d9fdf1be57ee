"""Recovery mode on the pages: what goes on, how far it is, what a person must decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.rights import Right
from controltower.transactions import recovery
from controltower.transactions.recovery import Progress
from controltower.web import formats
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn


@require_safe
def banner(request: SignedIn) -> HttpResponse:
    """The banner as it refreshes itself; empty once the recovery is over."""
    return render(request, "components/recovery.html", shown(request, timezone.now()))


@require_POST
def end(request: SignedIn) -> HttpResponse:
    """A person opens the way out before everything was asked for, with a reason."""
    form = Reason(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why it is ended. Nothing was changed."))
        return HttpResponseRedirect(reverse("systems"))
    try:
        recovery.end(by=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
    except (recovery.NotAllowed, recovery.NotUnderWay) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Recovery mode is ended. What waited goes out."))
    return HttpResponseRedirect(reverse("systems"))


def shown(request: SignedIn, now: datetime) -> dict[str, Any]:
    """What the banner draws: `recovering` is None in ordinary times."""
    under_way = recovery.current()
    if under_way is None:
        return {"recovering": None}
    left = recovery.progress(under_way, now)
    return {
        "recovering": {
            "why": under_way.why,
            "began_at": under_way.began_at,
            "known_until": under_way.restore_point,
            "left": _left(left),
            "doubts": left.doubts,
            "pushing": left.pushing,
            "end": _action(request),
        }
    }


def _left(left: Progress) -> list[str]:
    """What it still waits for, in sentences; the comparison is the last act."""
    said = []
    if left.feeds:
        feeds = ", ".join(left.feeds)
        said.append(_("Still to be read again: %(feeds)s.") % {"feeds": feeds})
    if left.events:
        text = ngettext(
            "%(n)d event is still to be looked at.",
            "%(n)d events are still to be looked at.",
            left.events,
        )
        said.append(text % {"n": left.events})
    if left.steps:
        text = ngettext(
            "%(n)d call is still being asked for in its target.",
            "%(n)d calls are still being asked for in their targets.",
            left.steps,
        )
        said.append(text % {"n": left.steps})
    if left.rest_until > left.now:
        length = formats.duration(left.rest_until - left.now)
        said.append(
            _("Requests sent before may be at work in a target for another %(length)s.")
            % {"length": length}
        )
    return said or [_("Gathered work is being compared with the invoices that are there.")]


def _action(request: SignedIn) -> Action:
    allowed = leave(request.user, Right.PAUSE_SYSTEM)
    form = Reason(auto_id="end-recovery-%s")
    form.fields["reason"].help_text = _(
        "It ends by itself. Ended before, what was sent after the backup and cannot be recognised "
        "by a key may be sent again."
    )
    words = _("End recovery mode")
    return Action(
        id="end-recovery",
        label=words,
        title=words,
        url=reverse("recovery_end"),
        confirm=words,
        form=form,
        small=True,
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )
