"""What the pages of Admin share: who may open them, their tabs, and how a change is proposed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from controltower.firm import governing
from controltower.firm.models import PolicyState, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.firm.rights import Right, may_everywhere
from controltower.web.actions import Action, Leave, only_firm_wide
from controltower.web.decisions import faults
from controltower.web.security import SignedIn

TABS = (
    ("manage", gettext_lazy("Decisions")),
    ("manage_people", gettext_lazy("People")),
    ("manage_companies", gettext_lazy("Companies")),
    ("manage_rates", gettext_lazy("Rates")),
    ("manage_limits", gettext_lazy("Approval limits")),
    ("manage_promises", gettext_lazy("Promises")),
    ("manage_calendars", gettext_lazy("Calendars")),
    ("manage_routes", gettext_lazy("Routes")),
    ("manage_templates", gettext_lazy("Project templates")),
    ("manage_notices", gettext_lazy("Notices")),
    ("manage_masks", gettext_lazy("Masks")),
    ("manage_retention", gettext_lazy("Retention")),
    ("manage_audit", gettext_lazy("Audit")),
)
View = Callable[..., HttpResponseBase]


def guarded(view: View) -> View:
    """A page of Admin: for those who answer for the whole firm. Others are told who may."""

    @wraps(view)
    def guard(request: SignedIn, *args: Any, **named: Any) -> HttpResponseBase:
        if not may_everywhere(request.user, Right.SEE_AUDIT):
            why = only_firm_wide(request.user, Right.SEE_AUDIT)
            context = {"crumbs": [(_("Admin"), "")], "why": why}
            return render(request, "manage/closed.html", context, status=403)
        return view(request, *args, **named)

    return guard


def page(
    request: SignedIn, template: str, tab: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page of Admin under its tab, beside those that the person may open."""
    whole = may_everywhere(request.user, Right.SEE_AUDIT)
    tabs = [(name, reverse(route), route == tab) for route, name in TABS if whole or route == tab]
    return render(request, template, {"tabs": tabs} | context, status=status)


def leave(request: SignedIn, right: Right) -> Leave:
    """Whether the person may do something for the whole firm."""
    allowed = may_everywhere(request.user, right)
    return Leave(allowed, "" if allowed else only_firm_wide(request.user, right))


def waiting(kind: str) -> dict[str, PolicyVersion]:
    """The versions of a kind that wait for a second person, by what they are about."""
    found = PolicyVersion.objects.filter(subject__startswith=f"{kind}:", state=PolicyState.PROPOSED)
    return {one.about: one for one in found.select_related("author")}


def withdrawal(version: PolicyVersion) -> Action:
    """How its author takes a proposal back."""
    words = _("Withdraw")
    return Action(
        id=f"withdraw-{version.pk}", label=words, title=_("Take this proposal back?"),
        url=reverse("manage_withdrawals", args=[version.pk]), confirm=words, small=True,
        icon="undo-2",
    )  # fmt: skip


@require_POST
def withdraw(request: SignedIn, pk: int) -> HttpResponse:
    """Whoever proposed a change takes it back; that needs no page of Admin."""
    one = get_object_or_404(PolicyVersion, pk=pk)
    try:
        governing.withdraw(version=one, by=request.user, now=timezone.now())
    except (governing.NotAllowed, governing.NotOpen) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Withdrawn. Nothing has changed."))
    back = "manage" if may_everywhere(request.user, Right.SEE_AUDIT) else "mappings"
    return HttpResponseRedirect(reverse(back))


def propose(
    request: SignedIn, subject: str, content: dict[str, Any], reason: str, back: str
) -> HttpResponse:
    """Propose a change and say what came of it."""
    try:
        governing.propose(
            subject=subject, content=content, reason=reason, by=request.user, now=timezone.now()
        )
    except (governing.NotAllowed, governing.NotOpen, BadPolicy) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Proposed. It holds once a second person has agreed to it."))
    return HttpResponseRedirect(back)


def unclear(request: SignedIn, form: forms.BaseForm, back: str) -> HttpResponse:
    """A form that cannot be read: what is wrong with it; nothing was changed."""
    messages.error(request, _("Nothing was changed. %(words)s") % {"words": faults(form)})
    return HttpResponseRedirect(back)
