"""The tabs of the list of interfaces: all of them, and those that need somebody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy

from controltower.measures.registry import Line

TABS: dict[str, tuple[Any, Callable[[Line, datetime], bool]]] = {
    "": (gettext_lazy("All"), lambda line, now: True),
    "drifted": (gettext_lazy("Not as agreed"), lambda line, now: bool(line.drifts)),
    "ending": (gettext_lazy("Ending"), lambda line, now: line.ends_soon(now)),
    "unowned": (gettext_lazy("Unowned"), lambda line, now: line.interface.owner is None),
    "unused": (gettext_lazy("Not used"), lambda line, now: not line.uses),
}
"""By their names in the address: the words, and which lines they show."""


def chosen(query: Mapping[str, Any]) -> str:
    """The tab that an address asks for; one that is not known is the first."""
    wanted = str(query.get("show", ""))
    return wanted if wanted in TABS else ""


def under(tab: str, every: Sequence[Line], now: datetime) -> list[Line]:
    """The lines that a tab shows."""
    return [line for line in every if TABS[tab][1](line, now)]


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
