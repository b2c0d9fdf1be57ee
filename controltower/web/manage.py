"""Admin: what waits for a second person, and approval limits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controltower.firm import governing, policies
from controltower.firm import limits as agreed_limits
from controltower.firm.models import LegalEntity, PolicyState, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.firm.rights import Right
from controltower.web import manage_frame, policy_words
from controltower.web.actions import Action, Leave
from controltower.web.decisions import Reason
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn
from controltower.web.typed_numbers import Amount

LATELY = 20


class Answer(forms.Form):
    """The second person's word on one change."""

    agree = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)
    answer = forms.CharField(
        label=gettext_lazy("Your word on it"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept in the audit trail."),
    )


@require_safe
@guarded
def decisions(request: SignedIn) -> HttpResponse:
    """What waits for a second person, and what was decided lately."""
    found = PolicyVersion.objects.select_related("author", "decided_by")
    open_ = found.filter(state=PolicyState.PROPOSED).order_by("proposed_at", "pk")
    decided = found.exclude(state=PolicyState.PROPOSED).exclude(author=None)
    context = {
        "waiting": [_change(request, one) for one in open_],
        "decided": [
            _change(request, one) for one in decided.order_by("-decided_at", "-pk")[:LATELY]
        ],
    }
    return manage_frame.page(request, "manage/decisions.html", "manage", context)


def _change(request: SignedIn, one: PolicyVersion) -> dict[str, Any]:
    before = policies.in_force(one.subject) if one.state == PolicyState.PROPOSED else None
    return {
        "version": one,
        "title": policy_words.title(one.kind, one.about),
        "before": policy_words.said(one.kind, before),
        "after": policy_words.said(one.kind, one.content),
        "actions": _answers(request, one),
    }


def _answers(request: SignedIn, one: PolicyVersion) -> list[Action]:
    if one.state != PolicyState.PROPOSED:
        return []
    if one.author_id == request.user.pk:
        return [manage_frame.withdrawal(one)]
    leave = manage_frame.leave(request, Right.APPROVE_POLICY)
    if one.subject == f"rights:{request.user.username}":
        leave = Leave(False, _("Nobody decides on their own rights."))
    words = {"yes": (_("Agree"), _("Put this in force?")), "no": (_("Refuse"), _("Refuse this?"))}
    return [
        Action(
            id=f"{agree}-{one.pk}", label=label, title=title, confirm=label,
            url=reverse("manage_decisions", args=[one.pk]), primary=agree == "yes", small=True,
            form=Answer(initial={"agree": agree}, auto_id=f"{agree}-{one.pk}-%s"),
            allowed=leave.allowed, why_not=leave.why_not,
        )
        for agree, (label, title) in words.items()
    ]  # fmt: skip


@require_POST
@guarded
def decide(request: SignedIn, pk: int) -> HttpResponse:
    """A second person agrees to a change, or refuses it."""
    one, form, back = (
        get_object_or_404(PolicyVersion, pk=pk),
        Answer(request.POST),
        reverse("manage"),
    )
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    agree = form.cleaned_data["agree"] == "yes"
    try:
        governing.decide(
            version=one, agree=agree, answer=form.cleaned_data["answer"], by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except (governing.NotAllowed, governing.NotOpen, BadPolicy) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("In force from now on.") if agree else _("Refused."))
    return HttpResponseRedirect(back)


class Limit(Reason):
    """Above which amount a second person agrees."""

    about = forms.CharField(max_length=16, widget=forms.HiddenInput)
    amount = Amount(
        min_value=Decimal(0), max_value=agreed_limits.MOST, decimal_places=2,
        label=gettext_lazy("A second person agrees above"),
    )  # fmt: skip
    field_order = ("amount", "reason")


@dataclass(frozen=True, slots=True)
class Line:
    """One policy as a row: what holds, since when, what waits, and how to change it."""

    title: str
    holds: str
    version: PolicyVersion | None
    waits: str
    action: Action
    more: Any = None


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def limits(request: SignedIn) -> HttpResponse:
    """Above which amounts a second person must agree, for the firm and for each entity."""
    if request.method == "POST":
        form, back = Limit(request.POST), reverse("manage_limits")
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        said = form.cleaned_data
        subject = f"{agreed_limits.KIND}:{said['about']}"
        content = {"amount": str(said["amount"])}
        return manage_frame.propose(request, subject, content, said["reason"], back)
    names = {agreed_limits.FIRM: _("The whole firm")}
    names |= {entity.code: entity.name for entity in LegalEntity.objects.all()}
    agreed = policies.of_kind(agreed_limits.KIND)
    coming = manage_frame.waiting(agreed_limits.KIND)
    lines = [
        _limit(request, about, name, agreed.get(about), coming.get(about))
        for about, name in names.items()
    ]
    return manage_frame.page(request, "manage/limits.html", "manage_limits", {"lines": lines})


def _limit(
    request: SignedIn, about: str, name: str, version: PolicyVersion | None,
    coming: PolicyVersion | None,
) -> Line:  # fmt: skip
    amount = agreed_limits.second_person_above(() if about == agreed_limits.FIRM else (about,))
    form = Limit(initial={"about": about, "amount": amount}, auto_id=f"limit-{about}-%s")
    form.fields["amount"].label = _("A second person agrees above (%(currency)s)") % {
        "currency": settings.REPORTING_CURRENCY
    }
    return Line(
        name,
        policy_words.limit({"amount": amount}),
        version,
        policy_words.said(agreed_limits.KIND, coming.content) if coming else "",
        change(request, f"limit-{about}", _("Change the limit of %(name)s") % {"name": name},
               reverse("manage_limits"), form),
    )  # fmt: skip


def change(request: SignedIn, id_: str, title: str, url: str, form: forms.Form) -> Action:
    """The button behind which an administrator proposes a change."""
    leave = manage_frame.leave(request, Right.ADMINISTER)
    return Action(
        id=f"change-{id_}", label=pgettext("button", "Change"), title=title, url=url, form=form,
        icon="pencil",
        confirm=_("Propose the change"), small=True, allowed=leave.allowed, why_not=leave.why_not,
    )  # fmt: skip
