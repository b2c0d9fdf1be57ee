"""Pausing a system, and letting calls through again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.systems import upkeep
from controltower.systems.models import System
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn


def action(system: System, person: Person, queue: str) -> Action:
    """Pause with a reason, or let calls through again; `queue` says what will wait."""
    allowed = leave(person, Right.PAUSE_SYSTEM)
    if system.paused_at is not None or system.refused_at is not None:
        words = _("Resume %(system)s") if system.paused_at else _("Sign in to %(system)s again")
        words %= {"system": system.title}
        return Action(
            id="resume",
            label=words,
            title=words,
            url=reverse("system_resume", args=[system.slug]),
            confirm=words,
            icon="play",
            primary=True,
            allowed=allowed.allowed,
            why_not=allowed.why_not,
        )
    words = _("Pause %(system)s") % {"system": system.title}
    form = Reason(auto_id="pause-%s")
    form.fields["reason"].help_text = queue
    return Action(
        id="pause",
        label=words,
        title=words,
        url=reverse("system_pause", args=[system.slug]),
        confirm=words,
        form=form,
        icon="pause",
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )


@require_POST
def pause(request: SignedIn, slug: str) -> HttpResponse:
    """Hold every call to the system back, with a reason."""
    one, form = get_object_or_404(System, slug=slug), Reason(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why it is paused. Nothing was changed."))
        return HttpResponseRedirect(reverse("system", args=[slug]))
    try:
        upkeep.pause(
            system=one,
            reason=form.cleaned_data["reason"],
            by=request.user,
            now=timezone.now(),
        )
    except upkeep.NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("%(system)s is paused. Its work queues.") % {"system": one})
    return HttpResponseRedirect(reverse("system", args=[slug]))


@require_POST
def resume(request: SignedIn, slug: str) -> HttpResponse:
    """Let calls through again."""
    one = get_object_or_404(System, slug=slug)
    try:
        upkeep.resume(system=one, by=request.user, now=timezone.now())
    except upkeep.NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        messages.success(
            request, _("%(system)s is called again. What waited goes out.") % {"system": one}
        )
    return HttpResponseRedirect(reverse("system", args=[slug]))
