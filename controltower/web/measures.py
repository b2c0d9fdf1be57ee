"""Measures: does it get better or worse, does it meet its target, and which records say so?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.rights import Right
from controltower.measures import health, targets
from controltower.measures.kpis import catalogue
from controltower.measures.kpis.measure import Listed, Measure, Part, Reading, Window
from controltower.measures.models import Target
from controltower.web import exports, formats, measure_words
from controltower.web.actions import Action, leave, only
from controltower.web.charts import small
from controltower.web.charts.trend import Trend
from controltower.web.decisions import faults
from controltower.web.list_filters import ListFilters, choice
from controltower.web.measure_words import written
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.sheets import Cell
from controltower.web.stakes import listing, scope_of
from controltower.web.target_form import TargetForm

COLUMNS = (
    "measure", "value", "unit", "before", "target", "target_met", "target_set_by", "records",
    "definition", "note",
)  # fmt: skip


class Filters(ListFilters):
    """What narrows the list of measures."""

    target = choice(
        gettext_lazy("Target"),
        gettext_lazy("Any"),
        [
            ("met", gettext_lazy("Met")),
            ("missed", gettext_lazy("Missed")),
            ("none", gettext_lazy("None set")),
        ],
    )
    hint = gettext_lazy("Measure, or how it is defined")

    def leave(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The measures that they ask for; none when one makes no sense."""
        if not self.is_valid():
            return []
        target = self.given("target")
        return [
            row
            for row in rows
            if target in ("", _against(row)) and self.finds(heard(row["title"]), row["definition"])
        ]


def _against(row: Mapping[str, Any]) -> str:
    """How a measure stands to its target; "" while nothing is known of it."""
    if row["set"] is None:
        return "none"
    return {True: "met", False: "missed", None: ""}[row["met"]]


@require_safe
def measures(request: SignedIn) -> HttpResponse:
    """Every measure with its definition, its trend and its target."""
    now, wanted = timezone.now(), targets.in_force()
    window, filters = Window(scope_of(request), now), Filters(request.GET)
    rows = [_row(one, one.read(window), wanted) for one in catalogue.MEASURES]
    context = {
        "now": now,
        "measures": filters.leave(rows),
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("measures"),
        "region_url": request.get_full_path(),
        "sentence": measure_words.sentence(
            [row["met"] for row in rows], [row["change"] for row in rows]
        ),
        "not_yet": catalogue.NOT_YET,
        "stale": health.silent(now),
    }
    return render(request, "measures/list.html", context)


def _row(one: Measure, reading: Reading, wanted: Mapping[str, Target]) -> dict[str, Any]:
    target = wanted.get(one.name)
    met = targets.is_met(one, reading.value, target.value if target else None)
    standing = measure_words.standing(met)
    figures = [figure for figure in reading.days if figure is not None]
    tone = "br" if met is False else "mv"
    return {
        "name": one.name,
        "url": reverse("measure", args=[one.name]),
        "title": one.title,
        "definition": one.definition,
        "note": reading.note,
        "parts": [_part(one, part) for part in reading.parts],
        "value": written(one.unit, reading.value),
        "before": written(one.unit, reading.before),
        "change": measure_words.change(one, reading),
        "target": written(one.unit, target.value) if target else "",
        "set": target,
        "met": met,
        "standing": standing,
        "spark": small.sparkline(figures, tone, _("Trend of %(title)s") % {"title": one.title}),
        "records": reading.records,
        "records_url": records_url(one),
    }


def _part(one: Measure, part: Part) -> dict[str, Any]:
    return {
        "label": part.label,
        "records": part.records,
        "url": listing(**part.filters),
        "value": written(one.unit, part.value),
    }


def records_url(one: Measure) -> str:
    """Where the records behind a measure are listed."""
    if one.listed is Listed.TRANSACTIONS:
        return listing(**one.records)
    query = urlencode(one.records)
    return f"{reverse(one.listed)}?{query}" if query else reverse(one.listed)


@require_safe
def measure(request: SignedIn, name: str) -> HttpResponse:
    """One measure: its trend as a drawing and as a table, its target and how that came to be."""
    now, one = timezone.now(), named(name)
    reading, wanted = one.read(Window(scope_of(request), now)), targets.in_force()
    row = _row(one, reading, wanted)
    history = Target.objects.filter(measure=name).select_related("set_by")
    context = {
        "now": now,
        "crumbs": [(_("Measures"), reverse("measures")), (str(one.title), "")],
        "measure": row,
        "trend": _trend(one, reading, row, now),
        "days": _days(one, reading, now),
        "targets": [(target, written(one.unit, target.value)) for target in history],
        "set_target": _set_target(request, one),
        "stale": health.silent(now),
    }
    return render(request, "measures/measure.html", context)


def named(name: str) -> Measure:
    """The measure of that name. Raises Http404."""
    try:
        return catalogue.named(name)
    except KeyError:
        raise Http404 from None


def _trend(one: Measure, reading: Reading, row: Mapping[str, Any], now: datetime) -> Trend | None:
    if not reading.days:
        return None
    name, target = _names(reading, now), row["set"]
    return Trend(
        title=str(one.title),
        figures=reading.days,
        target=float(target.value) if target else None,
        first=name[0],
        last=name[-1],
        written=partial(written, one.unit),
        met=row["met"],
    )


def _names(reading: Reading, now: datetime) -> list[str]:
    """What each figure of a trend is of, for people: a day."""
    count = len(reading.days)
    return [formats.day(now - timedelta(days=count - 1 - index), now) for index in range(count)]


def _days(one: Measure, reading: Reading, now: datetime) -> list[tuple[str, str]]:
    """The trend as a table, newest first."""
    figures = [written(one.unit, figure) for figure in reading.days]
    return list(zip(_names(reading, now), figures, strict=True))[::-1]


def _set_target(request: SignedIn, one: Measure) -> Action:
    allowed = leave(request.user, Right.ADMINISTER)
    words = _("Set a target")
    return Action(
        id="set-target",
        label=words,
        title=_("Target for %(title)s") % {"title": one.title},
        url=reverse("measure_targets", args=[one.name]),
        confirm=words,
        form=TargetForm(one),
        icon="sliders-horizontal",
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )


@require_POST
def set_target(request: SignedIn, name: str) -> HttpResponse:
    """Put a target in force, with a reason."""
    one = named(name)
    back = HttpResponseRedirect(reverse("measure", args=[name]))
    form = TargetForm(one, request.POST)
    if not form.is_valid():
        messages.error(request, f"{faults(form)} " + _("The target was not changed."))
        return back
    try:
        targets.set_target(
            measure=one, value=form.wanted, reason=form.cleaned_data["reason"], by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except targets.NotAllowed:
        messages.error(request, only(Right.ADMINISTER))
    except targets.ReasonMissing:
        messages.error(request, _("Say why. The target was not changed."))
    else:
        messages.success(request, _("The target is in force."))
    return back


@require_POST
def measures_file(request: SignedIn) -> HttpResponseBase:
    """The list as a file, in the units of the readings."""
    window, wanted = Window(scope_of(request), timezone.now()), targets.in_force()
    rows = (_cells(one, one.read(window), wanted.get(one.name)) for one in catalogue.MEASURES)
    return exports.figures(request, "measures", COLUMNS, rows)


def _cells(one: Measure, reading: Reading, target: Target | None) -> tuple[Cell, ...]:
    met = targets.is_met(one, reading.value, target.value if target else None)
    return (
        str(one.title),
        _figure(reading.value),
        one.unit,
        _figure(reading.before),
        target.value if target else None,
        "" if met is None else str(met).lower(),
        str(target.set_by) if target else "",
        reading.records,
        str(one.definition),
        reading.note,
    )


def _figure(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.4f}")
