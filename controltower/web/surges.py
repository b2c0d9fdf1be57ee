"""Surges on the pages: which are under way, and a controller's way to begin or end one."""

from __future__ import annotations

from datetime import datetime, timedelta
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

from controltower.firm.models import LegalEntity, Person, Surge
from controltower.firm.rights import Right
from controltower.measures import closing
from controltower.measures.exposure import Scope
from controltower.processes.month_end_close import LONGEST_SURGE, recent_months
from controltower.transactions import surging
from controltower.transactions.world import entities
from controltower.web import scope
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn

HOUR = timedelta(hours=1)
MONTHS_BACK = 1


class BeginSurge(Reason):
    """Which company's month goes first, and for how long."""

    of = forms.ChoiceField(label=gettext_lazy("Company and month"))
    hours = forms.IntegerField(
        label=gettext_lazy("Hours"),
        min_value=1,
        max_value=int(LONGEST_SURGE / HOUR),
        initial=8,
        help_text=gettext_lazy("It ends by itself after so many hours."),
    )
    field_order = ("of", "hours", "reason")

    def __init__(self, *args: Any, person: Person, now: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        of = self.fields["of"]
        assert isinstance(of, forms.ChoiceField)
        seen = {one.code for one in scope.entities(person)}
        of.choices = [
            (f"{entity.code} {month}", f"{entity.code} · {month}")
            for entity in entities().values()
            if entity.code in seen
            for month in recent_months(entity, now, MONTHS_BACK)
        ]


def shown(request: SignedIn, now: datetime) -> dict[str, Any]:
    """What components/surges.html and the page's head draw."""
    allowed = leave(request.user, Right.DECIDE_PERIOD)
    rows = closing.surges(Scope(request.user), now)
    return {
        "surges": [{"surge": one, "end": _end_action(request.user, one)} for one in rows],
        "begin_surge": Action(
            id="begin-surge",
            label=_("Begin a surge"),
            title=_("Let a month go first?"),
            url=reverse("surges"),
            confirm=_("Begin the surge"),
            form=BeginSurge(auto_id="surge-%s", person=request.user, now=now),
            icon="zap",
            allowed=allowed.allowed,
            why_not=allowed.why_not,
        ),
    }


def _end_action(person: Person, surge: Surge) -> Action:
    allowed = leave(person, Right.DECIDE_PERIOD, surge.entity.code)
    return Action(
        id=f"end-surge-{surge.pk}",
        label=_("End it"),
        title=_("End the surge of %(surge)s?") % {"surge": surge},
        url=reverse("surge_ends", args=[surge.pk]),
        confirm=_("End the surge"),
        form=Reason(auto_id=f"end-surge-{surge.pk}-%s"),
        icon="square-stop",
        small=True,
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )


@require_POST
def begin(request: SignedIn) -> HttpResponse:
    """Let a company's month go first, with a reason."""
    now = timezone.now()
    form = BeginSurge(request.POST, person=request.user, now=now)
    if not form.is_valid():
        return _back(request, _("Choose a company's month, hours and a reason. Nothing changed."))
    code, _space, month = form.cleaned_data["of"].partition(" ")
    try:
        surge = surging.begin(
            entity=LegalEntity.objects.get(code=code),
            month=month,
            lasts=form.cleaned_data["hours"] * HOUR,
            reason=form.cleaned_data["reason"],
            by=request.user,
            now=now,
        )
    except (surging.NotAllowed, surging.Impossible) as refused:
        return _back(request, str(refused))
    messages.success(request, _("%(surge)s goes first now.") % {"surge": surge})
    return HttpResponseRedirect(reverse("systems"))


@require_POST
def end(request: SignedIn, pk: int) -> HttpResponse:
    """End a surge before its time, with a reason."""
    seen = scope.entities(request.user)
    surge = get_object_or_404(Surge.objects.select_related("entity"), pk=pk, entity__in=seen)
    form, now = Reason(request.POST), timezone.now()
    if not form.is_valid():
        return _back(request, _("Say why it is ended. Nothing was changed."))
    try:
        surging.end(surge=surge, reason=form.cleaned_data["reason"], by=request.user, now=now)
    except (surging.NotAllowed, surging.Impossible) as refused:
        return _back(request, str(refused))
    messages.success(request, _("The surge of %(surge)s is over.") % {"surge": surge})
    return HttpResponseRedirect(reverse("systems"))


def _back(request: SignedIn, words: str) -> HttpResponse:
    messages.error(request, words)
    return HttpResponseRedirect(reverse("systems"))
