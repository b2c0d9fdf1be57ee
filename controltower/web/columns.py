"""Which columns of a list are shown, and in which order: `columns=state,amount` in its address, so
that a saved view and a file hold them, too. What names a row always leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from controltower.web import view_lists
from controltower.web.actions import Action
from controltower.web.security import SignedIn

NAME = "columns"


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name in the address and its heading. `cells` are the columns of the list's
    file that tell the same; one that is not `usual` is shown to who asks for it."""

    name: str
    word: Any
    cells: tuple[str, ...] = ()
    number: bool = False
    usual: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that a list can have. `lead` are those of its file that name a row."""

    lead: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def usual(self) -> list[Column]:
        """What is shown to who asks for nothing else."""
        return [one for one in self.columns if one.usual]

    def chosen(self, query: Mapping[str, Any]) -> list[Column]:
        """Those that an address names, in its order; none where it names none that there is."""
        known = {one.name: one for one in self.columns}
        names = dict.fromkeys(str(query.get(NAME, "")).split(","))
        return [known[name] for name in names if name in known]


LAYOUTS: Mapping[str, Layout] = {
    "transactions": Layout(
        ("reference", "correlation_id", "title", "client"),
        (
            Column("state", gettext_lazy("State"), ("state",)),
            Column("promise", gettext_lazy("Promise"), ("promised",)),
            Column("process", gettext_lazy("Process"), ("process",)),
            Column("entity", gettext_lazy("Entity"), ("entity",)),
            Column("begun", gettext_lazy("Begun"), ("began",)),
            Column("ended", gettext_lazy("Ended"), ("ended",), usual=False),
            Column("reference", gettext_lazy("Reference"), ("reference",), usual=False),
            Column("amount", gettext_lazy("Amount"), ("amount", "currency"), number=True),
            Column("currency", gettext_lazy("Currency"), ("currency",)),
        ),
    ),
    "exceptions": Layout(
        ("cause", "system", "state"),
        (
            Column("count", gettext_lazy("Count"), ("count",), number=True),
            Column("oldest", gettext_lazy("Oldest"), ("oldest",)),
            Column("due", gettext_lazy("Due"), ("due", "promise")),
            Column("owner", gettext_lazy("Owner"), ("owner",)),
            Column("trend", gettext_lazy("Trend")),
            Column("fix", gettext_lazy("Known fix"), ("known_fix",)),
            Column("value", gettext_lazy("Value"), ("value", "currency"), number=True),
        ),
    ),
    "incidents": Layout(
        ("name", "incident", "times"),
        (
            Column("severity", gettext_lazy("Severity"), ("severity",)),
            Column("state", gettext_lazy("State"), ("state",)),
            Column("age", gettext_lazy("Age"), ("opened",)),
            Column("lead", gettext_lazy("Lead"), ("lead",)),
            Column("due", gettext_lazy("Due next"), ("due_next",)),
            Column("stuck", gettext_lazy("Stuck"), ("stuck",), number=True),
            Column("value", gettext_lazy("At stake"), ("at_stake", "currency"), number=True),
        ),
    ),
    "jobs": Layout(
        ("job",),
        (
            Column("state", gettext_lazy("State"), ("state",)),
            Column("progress", gettext_lazy("Progress"), ("worked", "failed", "left")),
            Column("by", gettext_lazy("By"), ("by",)),
            Column("asked", gettext_lazy("Asked for"), ("asked_for",)),
            Column("value", gettext_lazy("Value"), ("value", "currency"), number=True),
        ),
    ),
}


class Places(forms.Form):
    """At which place each column stands, if at any."""

    page = forms.CharField(widget=forms.HiddenInput, max_length=20)
    query = forms.CharField(widget=forms.HiddenInput, required=False, max_length=2000)

    def __init__(self, layout: Layout, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        places = [str(place) for place in range(1, len(layout.columns) + 1)]
        for column in layout.columns:
            self.fields[column.name] = forms.ChoiceField(
                label=column.word,
                required=False,
                choices=[("", gettext_lazy("Not shown")), *((one, one) for one in places)],
            )


def shown(request: SignedIn, page: str) -> dict[str, Any]:
    """The context of a list: `columns` in their order; `own_columns`, whether somebody has chosen
    them (a phone then shows each of them); and `columns_action`, to choose them."""
    layout = LAYOUTS[page]
    chosen = layout.chosen(request.GET)
    columns = chosen or layout.usual
    places = {one.name: str(place) for place, one in enumerate(columns, start=1)}
    query = view_lists.plain(request.GET.urlencode())
    form = Places(layout, initial={"page": page, "query": query} | places, auto_id="columns-%s")
    action = Action(
        id="choose-columns", label=_("Columns"), small=True, icon="sliders-horizontal",
        title=_("Which columns, and at which place?"), url=reverse("columns"),
        confirm=_("Show these columns"), form=form,
    )  # fmt: skip
    return {"columns": columns, "own_columns": bool(chosen), "columns_action": action}


@require_POST
def arrange(request: SignedIn) -> HttpResponse:
    """Show a list with these columns, from now on and by its address."""
    page = request.POST.get("page", "")
    if page not in LAYOUTS:
        raise Http404
    layout = LAYOUTS[page]
    form = Places(layout, request.POST)
    query = QueryDict(view_lists.plain(request.POST.get("query", "")), mutable=True)
    if not form.is_valid():
        messages.error(request, _("That could not be read. Nothing was changed."))
        return HttpResponseRedirect(view_lists.address(page, query.urlencode()))
    placed = [one for one in layout.columns if form.cleaned_data[one.name]]
    placed.sort(key=lambda one: int(form.cleaned_data[one.name]))
    if not placed:
        messages.error(request, _("A list needs a column. Nothing was changed."))
        return HttpResponseRedirect(view_lists.address(page, query.urlencode()))
    query.pop(NAME, None)
    if placed != layout.usual:
        query[NAME] = ",".join(one.name for one in placed)
    return HttpResponseRedirect(view_lists.address(page, view_lists.plain(query.urlencode())))


def of_file(page: str, columns: Sequence[str], query: Mapping[str, Any]) -> list[int] | None:
    """Which columns of a list's file are written, in which order: all of them (None), unless the
    address says which columns the list has."""
    layout = LAYOUTS.get(page)
    chosen = layout.chosen(query) if layout else []
    if layout is None or not chosen:
        return None
    names = dict.fromkeys([*layout.lead, *(cell for one in chosen for cell in one.cells)])
    return [columns.index(name) for name in names]
