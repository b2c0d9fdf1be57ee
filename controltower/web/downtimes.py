"""Planned downtimes on the pages: which are coming, and the way to announce or end one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.measures import closing
from controltower.measures.exposure import Scope
from controltower.systems import downtimes
from controltower.systems.models import Downtime, System
from controltower.web import formats
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn


def _moment(label: Any, help_text: Any = "") -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        help_text=help_text,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class PlanDowntime(Reason):
    """From when until when, and why."""

    begins = _moment(gettext_lazy("From"), gettext_lazy("Your own time."))
    ends = _moment(
        gettext_lazy("Until"),
        gettext_lazy(
            "Until then its work waits here and nobody is called because of it. Then everything "
            "goes out by itself."
        ),
    )
    field_order = ("begins", "ends", "reason")

    def moments(self, zone: str) -> tuple[datetime, datetime]:
        """Both; the form must be valid."""
        begins, ends = self.cleaned_data["begins"], self.cleaned_data["ends"]
        here = ZoneInfo(zone)
        return begins.replace(tzinfo=here), ends.replace(tzinfo=here)


def nearest(now: datetime) -> dict[int, str]:
    """The downtime of each system that has one, in words: the one under way, or the next."""
    found = Downtime.objects.open().filter(ends_at__gt=now).order_by("-begins_at")
    return {one.system_id: _words(one, now) for one in found}


def _words(one: Downtime, now: datetime) -> str:
    if one.begins_at <= now:
        return _("planned downtime until %(when)s") % {"when": formats.when(one.ends_at, now)}
    return _("planned downtime from %(when)s") % {"when": formats.when(one.begins_at, now)}


def shown(system: System, person: Person, now: datetime) -> list[dict[str, Any]]:
    """What `systems/_downtimes.html` lists, the nearest first."""
    found = system.downtimes.open().filter(ends_at__gt=now).select_related("by")
    return [_line(one, person, now) for one in found]


def _line(one: Downtime, person: Person, now: datetime) -> dict[str, Any]:
    return {
        "begins_at": one.begins_at,
        "ends_at": one.ends_at,
        "reason": one.reason,
        "by": one.by,
        "under_way": one.begins_at <= now,
        "cut_offs": _cut_offs(one, person),
        "end": _ending(one, person, now),
    }


def _cut_offs(one: Downtime, person: Person) -> str:
    """Which cut-offs fall into it, in words; "" where none does."""
    found = closing.cut_offs(Scope(person), one.begins_at, one.ends_at)
    if not found:
        return ""
    named = [f"{code} {formats.month(month)}" for code, month in found]
    return _("The cut-off falls into it: %(months)s.") % {"months": get_text_list(named, _("and"))}


def planning(system: System, person: Person) -> Action:
    """To announce one."""
    may, words = leave(person, Right.PAUSE_SYSTEM), _("Plan a downtime")
    return Action(
        id="downtime", label=words, url=reverse("system_downtimes", args=[system.slug]),
        title=_("When will %(system)s not answer?") % {"system": system.title}, confirm=words,
        form=PlanDowntime(auto_id="downtime-%s"), icon="clock", small=True,
        allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


def _ending(one: Downtime, person: Person, now: datetime) -> Action:
    may = leave(person, Right.PAUSE_SYSTEM)
    under_way = one.begins_at <= now
    words = _("End it now") if under_way else _("Call it off")
    return Action(
        id=f"end-downtime-{one.pk}", label=words,
        title=_("Let calls through again?") if under_way else _("Call the downtime off?"),
        url=reverse("downtime_ends", args=[one.pk]), confirm=words, icon="x", small=True,
        allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


@require_POST
def plan(request: SignedIn, slug: str) -> HttpResponse:
    """Announce one."""
    system, form = get_object_or_404(System, slug=slug), PlanDowntime(request.POST)
    back = HttpResponseRedirect(reverse("system", args=[slug]))
    if not form.is_valid():
        messages.error(request, _("Say from when until when, and why. Nothing was planned."))
        return back
    begins, ends = form.moments(request.user.zone)
    try:
        made = downtimes.plan(
            system=system, begins=begins, ends=ends, reason=form.cleaned_data["reason"],
            by=request.user, now=timezone.now(),
        )  # fmt: skip
    except (downtimes.NotAllowed, downtimes.Impossible) as refused:
        messages.error(request, str(refused))
        return back
    words = _("The downtime of %(system)s is planned. Its work waits in it, and goes out after.")
    messages.success(request, words % {"system": system})
    if cut_offs := _cut_offs(made, request.user):
        messages.warning(request, cut_offs)
    return back


@require_POST
def end(request: SignedIn, pk: int) -> HttpResponse:
    """Call one off, or end it before its time."""
    one = get_object_or_404(Downtime.objects.select_related("system"), pk=pk)
    try:
        downtimes.end(downtime=one, by=request.user, now=timezone.now())
    except (downtimes.NotAllowed, downtimes.Impossible) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The downtime of %(system)s is over.") % {"system": one.system})
    return HttpResponseRedirect(reverse("system", args=[one.system.slug]))
