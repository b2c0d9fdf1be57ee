"""The tabs of the list of interfaces: all of them, and those that need somebody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy

from controltower.measures.registry import Line
from controltower.systems.models import System
from controltower.web import plain_names
from controltower.web.list_filters import ListFilters

TABS: dict[str, tuple[Any, Callable[[Line, datetime], bool]]] = {
    "": (gettext_lazy("All"), lambda line, now: True),
    "drifted": (gettext_lazy("Not as agreed"), lambda line, now: bool(line.drifts)),
    "ending": (gettext_lazy("Ending"), lambda line, now: line.ends_soon(now)),
    "unowned": (gettext_lazy("Unowned"), lambda line, now: line.interface.owner is None),
    "unused": (gettext_lazy("Not used"), lambda line, now: not line.uses),
}
"""By their names in the address: the words, and which lines they show."""


class Filters(ListFilters):
    """The tab that is shown, and what narrows it. An unknown tab is the first."""

    show = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20)
    system = forms.ModelChoiceField(
        label=gettext_lazy("System"),
        required=False,
        queryset=System.objects.filter(active=True),
        to_field_name="slug",
        empty_label=gettext_lazy("Any system"),
    )
    hint = gettext_lazy("Record, system, owner or who uses it")

    @property
    def shown(self) -> str:
        """The tab's name."""
        wanted = str(self.data.get("show", ""))
        return wanted if wanted in TABS else ""

    def leave(self, line: Line) -> bool:
        """Whether they leave a line in the list."""
        one = line.interface
        uses = [use.consumer for use in line.uses]
        words = (plain_names.record(one.entity), one.entity, one.system.title, one.owner or "")
        return self.given("system") in ("", one.system) and self.finds(*words, *uses)


def under(filters: Filters, every: Sequence[Line], now: datetime) -> list[Line]:
    """The lines that the filters ask for; none when one makes no sense."""
    if not filters.is_valid():
        return []
    fits = TABS[filters.shown][1]
    return [line for line in every if fits(line, now) and filters.leave(line)]


def tabs(every: Sequence[Line], shown: str, now: datetime) -> list[tuple[str, str, bool, int]]:
    """The tabs with how many lines each shows."""
    base = reverse("interfaces")
    return [
        (
            str(words),
            f"{base}?show={name}" if name else base,
            name == shown,
            sum(1 for line in every if fits(line, now)),
        )
        for name, (words, fits) in TABS.items()
    ]
