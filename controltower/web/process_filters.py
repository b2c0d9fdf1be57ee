"""What the figures of processes ask of the list of transactions: each number opens its rows here.

These filters are not offered in the list's form; they come with a link and can be cleared.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.measures import chains, flow, paths, promises, walks
from controltower.measures.exposure import Scope
from controltower.processes import catalogue
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.web.list_filters import ListFilters
from controltower.web.sayings import heard

ENDED = [
    ("", gettext_lazy("Any")),
    (promises.ALL, gettext_lazy("Ended in 30 days")),
    (promises.KEPT, gettext_lazy("Kept in 30 days")),
    (promises.MISSED, gettext_lazy("Missed in 30 days")),
]


class ProcessFilters(ListFilters):
    """The part of the query string that says where something stands, and how far it has come."""

    ended = forms.ChoiceField(label=gettext_lazy("Promise kept"), required=False, choices=ENDED)
    stage = forms.ChoiceField(label=gettext_lazy("Stands at"), required=False)
    passed = forms.ChoiceField(label=gettext_lazy("Of the latest, past"), required=False)
    way = forms.ChoiceField(label=gettext_lazy("Of the latest, by the way"), required=False)
    latest = forms.ChoiceField(label=gettext_lazy("Begun lately"), required=False)
    point = forms.ChoiceField(label=gettext_lazy("Of the latest deals, past"), required=False)
    road = forms.ChoiceField(label=gettext_lazy("Of the latest deals, by the way"), required=False)
    awaits = forms.ChoiceField(label=gettext_lazy("Stands before"), required=False)
    lane = forms.ChoiceField(label=gettext_lazy("Deal to invoice, stands at"), required=False)
    brought: tuple[str, ...] = (
        "ended", "stage", "passed", "way", "latest", "point", "road", "awaits", "lane",
    )  # fmt: skip
    named_by_row = ("stage", "passed", "way", "latest")
    of_a_chain = ("point", "road", "awaits", "lane")

    def offer(self, query: QueryDict, seen: Scope) -> None:
        """Keep the filters that the query string sets, each with the choice that it makes."""
        process = query.get("process", "")
        for name in self.brought:
            value = str(query.get(name, ""))[:60]
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            if not value:
                del self.fields[name]
            elif name in self.of_a_chain:
                field.choices = [("", _("Any")), *_of_a_chain(name, value)]
            elif name in self.named_by_row:
                field.choices = [("", _("Any")), (value, _words(name, value, process, seen))]

    def clean(self) -> dict[str, Any]:
        """Within a process only."""
        given: dict[str, Any] = super().clean() or {}
        asked = [name for name in self.named_by_row if given.get(name)]
        if asked and not given.get("process"):
            self.add_error(asked[0], _("Choose the process, too."))
        return given


def _of_a_chain(name: str, value: str) -> list[tuple[str, str]]:
    """The choice that a link has made; none where there is no such point."""
    if name == "road":
        return [(value, _("Way %(name)s") % {"name": value[:6]})]
    if name == "lane":
        return [(one.slug, heard(one.name)) for one in flow.STAGES if one.slug == value]
    return [(one.name, heard(one.title)) for one in chains.POINTS if one.name == value]


def _words(name: str, value: str, process: str, seen: Scope) -> str:
    if name == "latest":
        return _("The latest %(n)s") % {"n": walks.LATEST}
    if name == "way":
        return _("Way %(name)s") % {"name": value[:6]}
    return stage_title(value, process, seen)


def stage_title(name: str, process: str, seen: Scope) -> str:
    """A stage in words: the title of its step; the name where no step of the latest has it."""
    if name == paths.GATHERING:
        return _("Gathering")
    return paths.title_of(seen, process, name) or name


def within_process(
    rows: TransactionQuerySet, given: dict[str, Any], seen: Scope, now: datetime
) -> TransactionQuerySet:
    """Those of the rows that the filters of a process leave."""
    process = given["process"]
    if ended := given.get("ended"):
        rows = promises.ended(rows, ended, now, seen.person.zone)
    if stage := given.get("stage"):
        rows = paths.standing(rows, stage)
    if given.get("latest") or given.get("passed"):
        rows = rows.filter(pk__in=walks.latest(seen, process).order_by().values("pk"))
    if step := given.get("passed"):
        rows = paths.passed(rows, step)
    if way := given.get("way"):
        found = walks.walkers(seen, catalogue.workflow(process), way)
        rows = rows.filter(pk__in=found.order_by().values("pk"))
    return _within_chain(rows, given, seen)


def _within_chain(
    rows: TransactionQuerySet, given: dict[str, Any], seen: Scope
) -> TransactionQuerySet:
    if point := given.get("point"):
        rows = rows.filter(pk__in=chains.past(seen, point))
    if road := given.get("road"):
        rows = rows.filter(pk__in=chains.on_the_way(seen, road))
    if milestone := given.get("awaits"):
        rows = chains.awaiting(rows, milestone)
    if stage := given.get("lane"):
        rows = flow.standing(rows, stage)
    return rows
