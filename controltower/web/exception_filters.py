"""What narrows the list of causes: the tab, words, the system, and when something falls due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from controltower.measures.causes import CauseLine
from controltower.measures.exposure import Scope
from controltower.systems.models import System
from controltower.web import marks, standing
from controltower.web.list_filters import ListFilters, choice
from controltower.web.sayings import heard

OPEN, MINE, UNOWNED, SOLVED = "open", "mine", "unowned", "solved"
SNOOZED, PARKED = "snoozed", "parked"
TABS = {
    OPEN: _("Open"),
    MINE: _("Mine"),
    UNOWNED: _("Unowned"),
    SNOOZED: _("Snoozed"),
    PARKED: _("Parked"),
    SOLVED: _("Solved"),
}
NOTHING = {
    OPEN: _("Nothing is stuck."),
    MINE: _("No cause is yours."),
    UNOWNED: _("Every open cause has an owner."),
    SNOOZED: _("Nothing is snoozed."),
    PARKED: _("Nothing is parked."),
    SOLVED: _("Nothing has been solved yet."),
}
"""What an empty tab says."""
OUR_OWN = "own"
LATENESS = ("late", "due_today", "in_time")


class Filters(ListFilters):
    """The tab that is shown, and what narrows it. An unknown tab is the first."""

    tab = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20)
    system = choice(_("System"), _("Any system"), [])
    due = choice(
        _("Promise"), _("Any"), [*((name, marks.LATENESS[name].word) for name in LATENESS)]
    )
    hint = _("Cause, system or owner")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["system"]
        assert isinstance(field, forms.ChoiceField)
        known = System.objects.filter(active=True).order_by("title").values_list("slug", "title")
        field.choices = [("", _("Any system")), *known, (OUR_OWN, _("Control Tower"))]

    @property
    def shown(self) -> str:
        """The tab's name."""
        tab = str(self.data.get("tab", ""))
        return tab if tab in TABS else OPEN

    def leave(
        self, lines: Sequence[CauseLine], titles: Mapping[int, str], seen: Scope, now: datetime
    ) -> list[CauseLine]:
        """The causes that they ask for, called so; none when one makes no sense."""
        if not self.is_valid():
            return []
        return [one for one in lines if self._asks_for(one, titles[one.cause.pk], seen, now)]

    def _asks_for(self, line: CauseLine, title: str, seen: Scope, now: datetime) -> bool:
        cause, due = line.cause, self.given("due")
        system = cause.system.slug if cause.system else OUR_OWN
        if self.given("system") not in ("", system):
            return False
        if due and standing.lateness_of(line.due, now, seen.person.zone) != due:
            return False
        return self.finds(heard(title), title, cause.system or "", cause.owner or "")
