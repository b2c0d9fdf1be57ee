"""What runs out of a system: shown, and noted by an administrator where nothing says so itself."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.systems import agreeing, expiring
from controltower.systems.models import System
from controltower.web import interface_words
from controltower.web.actions import Action, leave
from controltower.web.security import SignedIn


class Expires(forms.Form):
    """Until when a credential is good that does not say so itself."""

    name = forms.ChoiceField(label=gettext_lazy("Credential"))
    expires_on = forms.DateField(
        label=gettext_lazy("Good until"), widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, system: System, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names = forms.ChoiceField(
            label=self.fields["name"].label, choices=[(name, name) for name in system.secrets]
        )
        self.fields["name"] = names


def due(now: datetime) -> list[dict[str, Any]]:
    """What somebody should see to, of all systems, the soonest first."""
    return [interface_words.expiry(one, now) for one in expiring.look(now) if one.is_due(now)]


def of(system: System, now: datetime) -> list[dict[str, Any]]:
    """All that runs out of one system."""
    return [interface_words.expiry(one, now) for one in expiring.look(now) if one.system == system]


def action(system: System, person: Person) -> Action:
    """Note when a credential runs out."""
    may, words = leave(person, Right.ADMINISTER), _("Note when a credential expires")
    return Action(
        id="expires", label=words, title=words, url=reverse("system_expiries", args=[system.slug]),
        confirm=_("Keep"), form=Expires(system, auto_id="expires-%s"), icon="key", small=True,
        allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


@require_POST
def note(request: SignedIn, slug: str) -> HttpResponse:
    """Keep until when a credential is good."""
    one, now = get_object_or_404(System, slug=slug), timezone.now()
    back, form = HttpResponseRedirect(reverse("system", args=[slug])), Expires(one, request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a credential and a day. Nothing was changed."))
        return back
    day = datetime.combine(form.cleaned_data["expires_on"], time.max, tzinfo=UTC)
    try:
        agreeing.note_expiry(
            system=one, name=form.cleaned_data["name"], expires_at=day, by=request.user, now=now
        )
    except (agreeing.NotAllowed, agreeing.WrongState) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Kept. People are warned 30 days ahead."))
    return back
