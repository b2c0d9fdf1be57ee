"""Admin: which classes of personal data are masked for whom, and who was shown some lately."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from controltower.canonical import personal, records
from controltower.canonical.records.base import Personal
from controltower.firm import masks as agreed_masks
from controltower.firm import policies
from controltower.firm.models import AuditEntry, PolicyVersion, Role
from controltower.firm.rights import Right, who_grants
from controltower.web import field_names, manage_frame, plain_names, policy_words, revealed
from controltower.web.decisions import Reason
from controltower.web.manage import Line, change
from controltower.web.manage_frame import guarded
from controltower.web.sayings import heard, heard_lazy
from controltower.web.security import SignedIn

LATELY = 20
CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class Masked(Reason):
    """The roles that see a class of personal data without asking."""

    about = forms.ChoiceField(choices=[(one, one) for one in Personal], widget=forms.HiddenInput)
    open_to = forms.MultipleChoiceField(
        label=gettext_lazy("Not masked for"),
        choices=[(role, heard_lazy(role.label)) for role in Role if role in agreed_masks.OPENABLE],
        widget=forms.SelectMultiple({"size": 3}),
        required=False,
        help_text=gettext_lazy("Nobody chosen: masked for everybody."),
    )
    field_order = ("open_to", "reason")

    @property
    def content(self) -> dict[str, Any]:
        """What is written down. Only when the form is valid."""
        seen = set(self.cleaned_data["open_to"])
        return {"masked_for": [role.value for role in Role if role.value not in seen]}


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def masks(request: SignedIn) -> HttpResponse:
    """Every class of personal data and for whom it is masked; a change waits for a second
    person."""
    if request.method == "POST":
        form, back = Masked(request.POST), reverse("manage_masks")
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        subject = f"{agreed_masks.KIND}:{form.cleaned_data['about']}"
        reason = form.cleaned_data["reason"]
        return manage_frame.propose(request, subject, form.content, reason, back)
    agreed = policies.of_kind(agreed_masks.KIND)
    coming = manage_frame.waiting(agreed_masks.KIND)
    context = {
        "lines": [_mask(request, kind, agreed.get(kind), coming.get(kind)) for kind in Personal],
        "who": heard(who_grants(Right.REVEAL_PERSONAL)),
        "minutes": revealed.FOR.seconds // 60,
        "shown": AuditEntry.objects.filter(verb="show personal data").order_by("-id")[:LATELY],
    }
    return manage_frame.page(request, "manage/masks.html", "manage_masks", context)


def _mask(
    request: SignedIn, kind: Personal, version: PolicyVersion | None, coming: PolicyVersion | None
) -> Line:
    open_to = agreed_masks.open_to(kind)
    form = Masked(
        initial={"about": kind, "open_to": [role.value for role in open_to]},
        auto_id=f"mask-{kind}-%s",
    )
    title = policy_words.title(agreed_masks.KIND, kind)
    held = {"masked_for": [role.value for role in Role if role not in open_to]}
    return Line(
        capfirst(str(policy_words.PERSONAL[kind])),
        policy_words.mask(held),
        version,
        policy_words.said(agreed_masks.KIND, coming.content) if coming else "",
        change(request, f"mask-{kind}", title, reverse("manage_masks"), form),
        _declared(kind),
    )


def _declared(kind: Personal) -> list[str]:
    """Where the canonical records keep it: "Cost rate: Resource, Time entry"."""
    found = defaultdict(list)
    for name in records.__all__:
        for field, class_ in personal.declared(getattr(records, name)).items():
            if class_ is kind:
                found[field].append(plain_names.record(CAPITAL.sub("_", name)))
    return [f"{field_names.field(field)}: {', '.join(named)}" for field, named in found.items()]
