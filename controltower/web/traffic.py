"""What goes over the wires: the calls of two days, and when each system was read last."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from controltower.measures import health
from controltower.measures.kpis import connections
from controltower.systems.models import Call, System
from controltower.web import keyset, systems
from controltower.web.keyset import Order
from controltower.web.list_filters import choice
from controltower.web.security import SignedIn

LOST = "lost"
NEWEST, NEWEST_OF_SYSTEM = Order("id", descending=True), Order("at", descending=True)
"""Ids of calls follow their time. Each order has its index: of all calls or of the lost ones, and
of one system's."""


class Filters(forms.Form):
    """Which calls are looked for."""

    system = forms.ChoiceField(label=gettext_lazy("System"), required=False)
    came = choice(
        gettext_lazy("Came of it"),
        gettext_lazy("Anything"),
        [(LOST, gettext_lazy("did not get through"))],
    )

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query)
        field = self.fields["system"]
        assert isinstance(field, forms.ChoiceField)
        known = System.objects.filter(active=True).order_by("title").values_list("slug", "title")
        field.choices = [("", _("All systems")), *known]

    @property
    def number(self) -> int:
        """How many are set, sensible or not."""
        return sum(1 for name in self.fields if str(self.data.get(name, "")).strip())

    def matching(self) -> tuple[QuerySet[Call], Order]:
        """The calls that they ask for and the order to page along; none when one makes no sense."""
        rows = Call.objects.select_related("system")
        if not self.is_valid():
            return rows.none(), NEWEST
        said = self.cleaned_data
        if said["system"]:
            rows = rows.filter(system__slug=said["system"])
        if said["came"] == LOST:
            return rows.filter(reached=False), NEWEST
        return rows, NEWEST_OF_SYSTEM if said["system"] else NEWEST


@require_safe
def calls(request: SignedIn) -> HttpResponse:
    """The calls that are kept, the newest first."""
    filters = Filters(request.GET)
    page = keyset.page(*filters.matching(), request.GET.dict())
    context = {
        "crumbs": _crumbs(_("Calls")),
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("calls"),
        "calls": [systems.shown(call) | {"system": call.system} for call in page.rows],
        "page": page,
    }
    return render(request, "systems/calls.html", context)


@require_safe
def readings(request: SignedIn) -> HttpResponse:
    """When each system was read last, the one that was read longest ago first."""
    now, read = timezone.now(), connections.last_read()
    known = System.objects.in_bulk(list(read))
    late = {feed.system_id: feed for feed in health.silent(now)}
    context = {
        "crumbs": _crumbs(_("Last readings")),
        "readings": [
            {"system": known[pk], "at": at, "late": late.get(pk)} for pk, at in read.items()
        ],
    }
    return render(request, "systems/readings.html", context)


def _crumbs(title: str) -> list[tuple[Any, str]]:
    return [(_("Health"), reverse("systems")), (title, "")]
