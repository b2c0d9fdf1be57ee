"""Admin: how long the logs, and the bodies of received events, are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from controltower.firm import keeping, policies
from controltower.firm.models import PolicyVersion
from controltower.transactions import bodies
from controltower.transactions import retention as logs
from controltower.web import formats, manage_frame, policy_words
from controltower.web.decisions import Reason
from controltower.web.manage import Line, change
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn

TABLES = {
    keeping.TIMELINE: "transactions_timelineentry",
    keeping.ATTEMPTS: "transactions_attempt",
}


class Kept(Reason):
    """For how long something is kept."""

    about = forms.ChoiceField(choices=[(x, x) for x in keeping.KEPT], widget=forms.HiddenInput)
    days = forms.IntegerField(
        min_value=keeping.LEAST_BODIES, max_value=keeping.MOST, label=gettext_lazy("Days")
    )
    field_order = ("days", "reason")


@require_http_methods(["GET", "HEAD", "POST"])
@guarded
def retention(request: SignedIn) -> HttpResponse:
    """How long what was received, what happened and what was tried are kept, and how much of it
    there is."""
    if request.method == "POST":
        form, back = Kept(request.POST), reverse("manage_retention")
        if not form.is_valid():
            return manage_frame.unclear(request, form, back)
        said = form.cleaned_data
        subject, content = f"{keeping.KIND}:{said['about']}", {"days": said["days"]}
        return manage_frame.propose(request, subject, content, said["reason"], back)
    lines = list(_lines(request, timezone.now()).values())
    return manage_frame.page(request, "manage/retention.html", "manage_retention", {"lines": lines})


def _lines(request: SignedIn, now: datetime) -> dict[str, Line]:
    """What is kept, in the order of the page."""
    found, by = {log.table: log for log in logs.in_force()}, bodies.kept()
    lengths = {about: found[table].kept for about, table in TABLES.items()}
    lengths[keeping.BODIES] = by.length if by else None
    now_there = {about: _parts(found[table]) for about, table in TABLES.items()}
    now_there[keeping.BODIES] = {"bodies": bodies.standing(now)}
    agreed, coming = policies.of_kind(keeping.KIND), manage_frame.waiting(keeping.KIND)
    return {
        about: _line(
            request, about, length, agreed.get(about), coming.get(about), now_there[about]
        )
        for about, length in lengths.items()
    }  # fmt: skip


def _parts(log: logs.Log) -> dict[str, Any]:
    parts = logs.parts(log)
    return {
        "rows": sum(part.rows for part in parts),
        "bytes": sum(part.bytes for part in parts),
        "parts": len(parts),
    }


def _line(
    request: SignedIn, about: str, length: timedelta | None, version: PolicyVersion | None,
    coming: PolicyVersion | None, now_there: dict[str, Any],
) -> Line:  # fmt: skip
    title, days = policy_words.title(keeping.KIND, about), length.days if length else keeping.MOST
    form = Kept(initial={"about": about, "days": days}, auto_id=f"kept-{about}-%s")
    field = form.fields["days"]
    field.widget.attrs["min"] = keeping.least(about)
    field.help_text = _("At least %(least)s; %(most)s days are a century.") % {
        "least": formats.number(keeping.least(about)),
        "most": formats.number(keeping.MOST),
    }
    return Line(
        title,
        policy_words.days({"days": days}) if length else _("for ever"),
        version,
        policy_words.said(keeping.KIND, coming.content) if coming else "",
        change(request, f"kept-{about}", title, reverse("manage_retention"), form),
        now_there,
    )  # fmt: skip
