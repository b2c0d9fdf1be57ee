"""The list of incidents: what burns, how much hangs on it, who has it, what is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Case, Count, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.incidents.models import OPEN, DeadLetter, Incident, IncidentState, Severity
from controltower.measures import at_stake, exposure
from controltower.measures.exposure import Scope, Stake, reporting_currency
from controltower.web import formats, marks, privacy, standing
from controltower.web.list_filters import ListFilters, choice, containing
from controltower.web.sayings import heard
from controltower.web.transaction_page import Owner

MOST = 100
OPEN_TAB = "open"
TABS: dict[str, tuple[str | Promise, Q]] = {
    OPEN_TAB: (gettext_lazy("Open"), Q(state__in=OPEN)),
    "mine": (gettext_lazy("Mine"), Q(state__in=OPEN)),
    "to_review": (gettext_lazy("To review"), Q(state=IncidentState.RESOLVED)),
    "reviewed": (gettext_lazy("Reviewed"), Q(state=IncidentState.REVIEWED)),
}


NOTHING = {
    OPEN_TAB: gettext_lazy("No incident is open."),
    "mine": gettext_lazy("No open incident is yours."),
    "to_review": gettext_lazy("No incident waits to be reviewed."),
    "reviewed": gettext_lazy("No incident has been reviewed yet."),
}
"""What an empty tab says."""


class Filters(ListFilters):
    """The tab that is shown, and what narrows it. An unknown tab is the first."""

    tab = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20)
    severity = choice(
        gettext_lazy("Severity"),
        gettext_lazy("Any"),
        [
            *((one.value, marks.state_mark("severity", one.value).word) for one in Severity),
        ],
    )
    hint = gettext_lazy("Incident, its number or who leads it")

    @property
    def shown(self) -> str:
        """The tab's name."""
        tab = str(self.data.get("tab", ""))
        return tab if tab in TABS else OPEN_TAB

    @property
    def asked(self) -> Q:
        """Beyond the tab; nothing when a filter makes no sense."""
        if not self.is_valid():
            return Q(pk__in=[])
        found = Q(severity=self.given("severity")) if self.given("severity") else Q()
        words = str(self.given("q")).strip()
        number = words.upper().removeprefix("INC-")
        if number.isdecimal():
            return found & Q(pk=int(number[:9]))
        return found & containing(words, "title", "owner__first_name", "owner__last_name")


OF_OPEN = (OPEN_TAB, "mine")
"""Tabs of what is open: all of it is counted, however little is listed."""


def gravest(person: Person) -> QuerySet[Incident]:
    """Open incidents that the person may see, the gravest first, the oldest of them first."""
    return _ordered(Incident.objects.visible_to(person).open())


def _ordered(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    whens = [When(severity=one, then=Value(rank)) for rank, one in enumerate(Severity)]
    ranked = rows.annotate(rank=Case(*whens, default=Value(len(whens))))
    return ranked.order_by("rank", "opened_at", "pk").select_related("owner")


@dataclass(frozen=True, slots=True)
class Line:
    """One incident of the list. `about` tells it from others of the same title: the processes and
    companies of what it is or was about. `due` is when it is to be acknowledged or updated."""

    row: Incident
    url: str
    title: str
    about: str
    stake: Stake
    value: Money
    owner: Owner | None
    due: datetime | None
    overdue: bool


def under(filters: Filters, person: Person) -> QuerySet[Incident]:
    """What the filters ask for of what the person sees: what is open by how grave it is, else the
    latest first."""
    tab = filters.shown
    rows = Incident.objects.visible_to(person).filter(_condition(tab, person), filters.asked)
    return _ordered(rows) if tab in OF_OPEN else _latest(rows)


def listing(seen: Scope, filters: Filters, now: datetime) -> dict[str, Any]:
    """The context of `incidents/list.html`: the first of what is open, the latest of the rest."""
    tab, rows = filters.shown, under(filters, seen.person)
    found = list(rows if tab in OF_OPEN else rows[:MOST])
    stakes, whole = at_stake.of_each([one.pk for one in found if one.is_open], seen)
    return {
        "tabs": _tabs(seen.person, filters),
        "lines": _lines(found[:MOST], stakes, seen, now),
        "count": len(found),
        "headline": _headline(found, whole, now) if tab == OPEN_TAB and not filters.number else "",
        "total": _money(whole),
        "tab": tab,
        "form": filters,
        "filters": filters.number,
        "nothing": NOTHING[tab],
        "clear_url": reverse("incidents"),
    }


def _latest(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    return rows.select_related("owner").order_by("-resolved_at", "-pk")


def _condition(tab: str, person: Person) -> Q:
    found = TABS[tab][1]
    return found & (Q(owner=person) | Q(deputy=person)) if tab == "mine" else found


def counts_of(person: Person) -> dict[str, int]:
    """How many incidents the person sees under each tab."""
    conditions = {name: Count("pk", filter=_condition(name, person)) for name in TABS}
    return Incident.objects.visible_to(person).order_by().aggregate(**conditions)


def _tabs(person: Person, filters: Filters) -> list[tuple[str, str, bool, int]]:
    counts = counts_of(person)
    return [
        (str(label), filters.tab_url("incidents", name), name == filters.shown, counts[name])
        for name, (label, _rows) in TABS.items()
    ]


def lines_of(incidents: Sequence[Incident], seen: Scope, now: datetime) -> list[Line]:
    """Their lines. What hangs on an incident that is over is nothing any more."""
    stakes, _whole = at_stake.of_each([one.pk for one in incidents if one.is_open], seen)
    return _lines(incidents, stakes, seen, now)


def _lines(
    incidents: Sequence[Incident], stakes: Mapping[int, Stake], seen: Scope, now: datetime
) -> list[Line]:
    about = _about([one.pk for one in incidents], seen)
    return [_line(one, about.get(one.pk, ""), stakes, now) for one in incidents]


def _about(incidents: Sequence[int], seen: Scope) -> Mapping[int, str]:
    """Of which processes and companies the transactions of incidents are or were, in words."""
    letters = exposure.within(seen, DeadLetter.objects.filter(cause__incidents__in=incidents))
    rows = letters.order_by("transaction__process", "transaction__entity__code").values_list(
        "cause__incidents", "transaction__process", "transaction__entity__code"
    )
    told: dict[int, list[str]] = defaultdict(list)
    for incident, process, company in rows.distinct():
        told[incident] += [heard(standing.process_title(process)), company or ""]
    return {pk: " · ".join(filter(None, dict.fromkeys(words))) for pk, words in told.items()}


def _line(incident: Incident, about: str, stakes: Mapping[int, Stake], now: datetime) -> Line:
    found = stakes.get(incident.pk) or Stake()
    owner = incident.owner
    return Line(
        row=incident,
        url=reverse("incident", args=[incident.pk]),
        title=privacy.masked_text(incident.title),
        about=about,
        stake=found,
        value=_money(found),
        owner=Owner(str(owner), owner.initials) if owner else None,
        due=(incident.acknowledge_by or incident.update_by) if incident.is_open else None,
        overdue=incident.is_overdue(now),
    )


def _money(found: Stake) -> Money:
    return Money.of(found.amount, reporting_currency())


def _headline(found: Sequence[Incident], whole: Stake, now: datetime) -> SafeString | str:
    """ "2 incidents are open with €48,200.00 at stake. 1 waits for somebody to take it." """
    if not found:
        return ""
    words = ngettext("%(n)d incident is open", "%(n)d incidents are open", len(found))
    first = words % {"n": len(found)}
    if whole.amount:
        hangs = ngettext(
            "%(open)s, and %(money)s hangs on it",
            "%(open)s, and %(money)s hangs on them",
            len(found),
        )
        first = hangs % {"open": first, "money": formats.compact(_money(whole))}
    unowned = sum(1 for one in found if one.state == IncidentState.TRIGGERED)
    overdue = sum(1 for one in found if one.is_overdue(now))
    rest = [
        ngettext("%(n)d waits for somebody to take it.", "%(n)d wait for somebody to take them.", n)
        % {"n": n}
        for n in [unowned]
        if n
    ]
    if overdue:
        late = ngettext("%(n)d is overdue.", "%(n)d are overdue.", overdue) % {"n": overdue}
        rest.append(late)
    return format_html("{}. {}", first, " ".join(rest or [_("Each has somebody.")]))
