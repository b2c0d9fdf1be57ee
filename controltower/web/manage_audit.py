"""Admin: the audit chain, searched and followed from its beginning."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.firm import audit as chain
from controltower.firm.models import AuditEntry
from controltower.web import manage_frame
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn

SIZE = 50
A_DAY = timedelta(days=1)


class Search(forms.Form):
    """Who, what they did, to what, when, and whether they were let."""

    actor = forms.CharField(label=gettext_lazy("Person"), required=False, max_length=150)
    verb = forms.CharField(label=gettext_lazy("Verb"), required=False, max_length=60)
    subject = forms.CharField(label=gettext_lazy("Object"), required=False, max_length=120)
    since = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput({"type": "date"})
    )
    until = forms.DateField(
        label=gettext_lazy("To"), required=False, widget=forms.DateInput({"type": "date"})
    )
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[
            ("", gettext_lazy("All")),
            ("allowed", gettext_lazy("Allowed")),
            ("denied", gettext_lazy("Denied")),
        ],
    )


@require_safe
@guarded
def audit(request: SignedIn) -> HttpResponse:
    """The chain, newest first, by person, verb, object, time and outcome."""
    form = Search(request.GET, auto_id="audit-%s")
    said = form.cleaned_data if form.is_valid() else {}
    rows = _found(said)
    before = request.GET.get("before", "")
    if before.isdecimal():
        rows = rows.filter(pk__lt=int(before[:18]))
    shown = list(rows.order_by("-id")[: SIZE + 1])
    query = request.GET.copy()
    older = ""
    if len(shown) > SIZE:
        query["before"] = str(shown[SIZE - 1].pk)
        older = f"?{query.urlencode()}"
    context = {
        "form": form,
        "filters": sum(1 for value in said.values() if value),
        "clear_url": reverse("manage_audit"),
        "entries": [(one, _detail(one)) for one in shown[:SIZE]],
        "older_url": older,
        "check_url": reverse("manage_audit_checks"),
    }
    return manage_frame.page(request, "manage/audit.html", "manage_audit", context)


def _found(said: dict[str, Any]) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.all()
    if said.get("actor"):
        rows = rows.filter(actor=said["actor"])
    if said.get("verb"):
        rows = rows.filter(verb=said["verb"])
    if said.get("subject"):
        rows = rows.filter(subject__contains=said["subject"])
    if said.get("outcome"):
        rows = rows.filter(allowed=said["outcome"] == "allowed")
    if said.get("since"):
        rows = rows.filter(at__gte=_midnight(said["since"]))
    if said.get("until"):
        rows = rows.filter(at__lt=_midnight(said["until"] + A_DAY))
    return rows


def _midnight(day: Any) -> datetime:
    """When a day of the person's zone begins."""
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def _detail(entry: AuditEntry) -> str:
    return json.dumps(entry.detail, indent=2, ensure_ascii=False) if entry.detail else ""


@require_POST
@guarded
def check(request: SignedIn) -> HttpResponse:
    """Follow the whole chain, and compare it with the heads that were noted outside."""
    walk, missing = chain.walk(), chain.missing_heads()
    whole = walk.broken is None and not missing
    chain.record(
        actor=request.user, verb="verify audit chain", subject="audit chain", allowed=True,
        now=timezone.now(), detail={"entries": walk.entries, "whole": whole},
    )  # fmt: skip
    if whole:
        words = _("The chain is whole: %(n)s entries, each sealing the one before.")
        messages.success(request, words % {"n": walk.entries})
    elif walk.broken is not None:
        words = _("The chain is broken at entry %(pk)s. Tell the auditor; change nothing.")
        messages.error(request, words % {"pk": walk.broken})
    else:
        words = _("The chain was cut or written anew: %(what)s.")
        messages.error(request, words % {"what": "; ".join(missing[:3])})
    return HttpResponseRedirect(reverse("manage_audit"))
