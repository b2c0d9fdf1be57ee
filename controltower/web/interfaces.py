"""Interfaces: which version, owner, limit and retirement date each has; who uses it; what has
drifted and what runs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from controltower.measures import registry
from controltower.measures.registry import Line
from controltower.systems.models import Direction
from controltower.web import expiries, exports, interface_tabs, interface_words, view_strip
from controltower.web.security import SignedIn
from controltower.web.sheets import Cell
from controltower.web.stakes import scope_of

COLUMNS = (
    "system", "record", "direction", "api_version", "contract", "owner", "kind", "used_by",
    "calls_30_days", "last_call", "deprecated", "ends", "drifts",
)  # fmt: skip


@require_safe
def interfaces(request: SignedIn) -> HttpResponse:
    """All interfaces, and above them what needs somebody."""
    now, seen = timezone.now(), scope_of(request)
    every = registry.lines(now)
    filters = interface_tabs.Filters(request.GET)
    lines = interface_tabs.under(filters, every, now)
    drifts = [interface_words.drift(one, seen, now) for one in registry.open_drifts()]
    due = expiries.due(now)
    context = {
        "now": now,
        "sentence": _sentence(every, drifts, due),
        "tabs": interface_tabs.tabs(every, filters.shown, now),
        "interfaces": [interface_words.line(line, now) for line in lines],
        "known": len(every),
        "form": filters,
        "filters": filters.number + bool(filters.shown),
        "clear_url": reverse("interfaces"),
        "export_url": f"{reverse('interface_exports')}?{request.GET.urlencode()}",
        "drifts": drifts,
        "expiring": due,
        **view_strip.shown(request, "interfaces"),
    }
    return render(request, "interfaces/list.html", context)


def _sentence(every: Sequence[Line], drifts: Sequence[Any], due: Sequence[Any]) -> str:
    """The page's answer in a sentence."""
    unowned = sum(1 for line in every if line.interface.owner is None)
    if drifts:
        first = _("%(n)d difference to what was agreed: nothing was taken from it.")
        many = _("%(n)d differences to what was agreed: nothing was taken from them.")
        words = (first if len(drifts) == 1 else many) % {"n": len(drifts)}
    elif every:
        words = _("Every system tells us what was agreed.")
    else:
        words = _("No system tells us anything yet.")
    if due:
        words += " " + _("%(n)d about to run out.") % {"n": len(due)}
    if unowned:
        words += " " + _("%(n)d of %(all)d have no owner.") % {"n": unowned, "all": len(every)}
    return words


@require_POST
def interfaces_file(request: SignedIn) -> HttpResponseBase:
    """The list as a file."""
    now = timezone.now()
    lines = interface_tabs.under(interface_tabs.Filters(request.GET), registry.lines(now), now)
    return exports.figures(request, "interfaces", COLUMNS, (_cells(line) for line in lines))


def _cells(line: Line) -> tuple[Cell, ...]:
    one = line.interface
    return (
        one.system.title,
        one.entity,
        str(Direction(one.direction).label),
        line.api_version,
        line.version.number if line.version else None,
        str(one.owner or ""),
        str(one.get_standing_display()),
        " ".join(use.consumer for use in line.uses),
        line.calls,
        line.last_at,
        one.deprecated_at,
        line.ends_at,
        len(line.drifts),
    )
