"""The event log of a page's processes as a file for process mining."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.http import HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.firm import audit
from controltower.measures import event_log as log
from controltower.measures.exposure import transactions
from controltower.web.exports import streamed
from controltower.web.processes import named
from controltower.web.security import SignedIn
from controltower.web.stakes import scope_of

DAYS = ("30", "90", "365")


class Asked(forms.Form):
    """How far back the log begins."""

    days = forms.ChoiceField(choices=[(days, days) for days in DAYS], required=False)


@require_POST
def event_log(request: SignedIn) -> HttpResponseBase:
    """What began in the last days, of one process or of all, as far as the person sees it; noted in
    the audit trail as every export."""
    now, asked = timezone.now(), Asked(request.POST)
    if not asked.is_valid():
        return HttpResponseBadRequest(_("This period is not offered. Nothing was exported."))
    days = int(asked.cleaned_data["days"] or DAYS[0])
    rows = log.begun(transactions(scope_of(request)), now - timedelta(days=days), now)
    if process := request.GET.get("process"):
        rows = rows.filter(process=named(process).name)
    audit.record(
        actor=request.user, verb="export", subject="event-log", allowed=True, now=now,
        detail={"filters": {"process": process or "", "days": str(days)}},
    )  # fmt: skip
    answer = StreamingHttpResponse(streamed(log.pieces(rows)), content_type="application/json")
    name = f"{process or 'processes'}-{now:%Y-%m-%d-%H%M}.ocel.json"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
