"""Exceptions by cause: the list under its tabs, and one cause with all that hangs on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import TruncDay
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from controltower.canonical.money import Money
from controltower.incidents.models import (
    Cause,
    CauseQuerySet,
    DeadLetter,
    LetterState,
    Resolution,
)
from controltower.measures import causes, exposure
from controltower.measures.causes import CauseLine
from controltower.measures.exposure import Scope
from controltower.web import cause_titles, formats, standing
from controltower.web.charts.small import sparkline
from controltower.web.exception_filters import (
    MINE,
    OPEN,
    PARKED,
    SNOOZED,
    SOLVED,
    TABS,
    UNOWNED,
    Filters,
)
from controltower.web.transaction_page import Owner

TREND_DAYS = 14
MOST = 200
"""Groups that are listed; the file has all of them."""


@dataclass(frozen=True, slots=True)
class Group:
    """One cause in the list."""

    id: int
    url: str
    title: str
    state: str
    system: str
    count: int
    value: Money
    local_value: str
    oldest: datetime
    due: datetime | None
    lateness: str
    owner: Owner | None
    trend: SafeString | str
    fix: str


@dataclass(frozen=True, slots=True)
class Total:
    """All groups of a tab together, no transaction counted twice."""

    count: int
    value: Money


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list shows: the first of the chosen tab's groups that are asked for, how many they
    are and how many `more` there are than shown, all of them added up, and every tab's count."""

    tab: str
    groups: list[Group]
    count: int
    more: int
    total: Total
    counts: Mapping[str, int]


def listing(scope: Scope, filters: Filters, now: datetime, *, whole: bool = False) -> Listing:
    """The groups of a tab that the filters ask for, most money first, and how many causes each tab
    has; with `whole` all of the groups."""
    tab = filters.shown
    awake = causes.by_cause(scope, now, limit=None)
    lines: dict[str, Sequence[CauseLine]] = {
        OPEN: awake,
        MINE: [line for line in awake if line.cause.owner_id == scope.person.pk],
        UNOWNED: [line for line in awake if line.cause.owner_id is None],
    }
    if tab in (SNOOZED, PARKED):
        lines[tab] = causes.by_cause(scope, now, causes=_put_aside(tab, now), limit=None)
    elif tab == SOLVED:
        lines[tab] = causes.solved(scope, now)
    letters = causes.solved_lately(scope, now) if tab == SOLVED else letters_of(scope)
    titles = cause_titles.titles([line.cause for line in lines[tab]], letters)
    asked = filters.leave(lines[tab], titles, scope, now)
    total = causes.together(asked, letters.filter(cause__in=[one.cause for one in asked]), scope)
    shown = asked if whole else asked[:MOST]
    return Listing(
        tab=tab,
        groups=_groups(shown, titles, scope, tab, now),
        count=len(asked),
        more=len(asked) - len(shown),
        total=Total(total.count, _reporting(total.amount)),
        counts={name: len(found) for name, found in lines.items()} | _others(scope, now, lines),
    )


def put_aside(scope: Scope, tab: str, now: datetime) -> tuple[int, Money]:
    """How many causes are snoozed or parked, and all that they hold, as the tab says it."""
    held = list(_put_aside(tab, now).filter(causes.having(letters_of(scope))))
    if not held:
        return 0, _reporting(Decimal(0))
    letters = letters_of(scope).filter(cause__in=held)
    rows = exposure.transactions(scope).filter(pk__in=letters.values("transaction"))
    return len(held), _reporting(exposure.stake(exposure.priced(rows)).amount)


def _put_aside(tab: str, now: datetime) -> CauseQuerySet:
    return Cause.objects.snoozed(now) if tab == SNOOZED else Cause.objects.parked()


def _others(scope: Scope, now: datetime, known: Collection[str]) -> dict[str, int]:
    """How many causes stand under the tabs that are not looked at."""
    open_ = causes.having(letters_of(scope))
    found = {
        SNOOZED: _put_aside(SNOOZED, now).filter(open_),
        PARKED: _put_aside(PARKED, now).filter(open_),
        SOLVED: causes.solved_causes(scope, now),
    }
    return {tab: rows.count() for tab, rows in found.items() if tab not in known}


def _reporting(amount: Decimal) -> Money:
    return Money.of(amount, exposure.reporting_currency())


def letters_of(scope: Scope, *, solved: bool = False) -> QuerySet[DeadLetter]:
    """The letters that this person may see, open or solved."""
    letters = exposure.within(scope, DeadLetter.objects.all())
    if solved:
        return letters.filter(state=LetterState.RESOLVED)
    return letters.exclude(state=LetterState.RESOLVED)


def _groups(
    lines: Sequence[CauseLine], titles: Mapping[int, str], scope: Scope, tab: str, now: datetime
) -> list[Group]:
    causes = [line.cause.pk for line in lines]
    states = states_of(scope, causes)
    trends = _trends(scope, causes, now)
    fixes = known_fixes(scope, causes)
    return [
        Group(
            id=line.cause.pk,
            url=reverse("exception", args=[line.cause.pk]),
            title=titles[line.cause.pk],
            state="solved" if tab == SOLVED else state_of(line.cause, states, now),
            system=line.cause.system.title if line.cause.system else _("Control Tower"),
            count=line.stake.count,
            value=_reporting(line.stake.amount),
            local_value=local_value(line.stake.by_currency),
            oldest=line.oldest,
            due=line.due,
            lateness=_lateness(line, scope, tab, now),
            owner=owner_of(line.cause),
            trend=trends.get(line.cause.pk, ""),
            fix=fixes.get(line.cause.pk, ""),
        )
        for line in lines
    ]


def _lateness(line: CauseLine, scope: Scope, tab: str, now: datetime) -> str:
    return "" if tab == SOLVED else standing.lateness_of(line.due, now, scope.person.zone)


def owner_of(cause: Cause) -> Owner | None:
    """Who has taken the cause."""
    return Owner(str(cause.owner), cause.owner.initials) if cause.owner else None


def local_value(by_currency: Mapping[str, Decimal]) -> str:
    """The value in the currencies it is in: "£41,200.00 and €12.00"; "" when it is one, ours."""
    if set(by_currency) <= {exposure.reporting_currency()}:
        return ""
    return _(" and ").join(
        formats.amount(amount, currency) for currency, amount in sorted(by_currency.items())
    )


States = Mapping[int, Mapping[str, int]]
ALIKE = (LetterState.REPLAYING, LetterState.APPROVAL, LetterState.REPAIR_PROPOSED)
"""States that a cause has when all its letters have them."""


def states_of(scope: Scope, causes: Sequence[int]) -> States:
    """How many open letters of each cause are in which state."""
    found: dict[int, dict[str, int]] = {}
    rows = letters_of(scope).filter(cause__in=causes).order_by().values_list("cause", "state")
    for cause, state, count in rows.annotate(n=Count("pk")):
        found.setdefault(cause, {})[state] = count
    return found


def state_of(cause: Cause, states: States, now: datetime) -> str:
    """The group's state for `marks`."""
    own = states.get(cause.pk, {})
    if cause.is_aside(now):
        return "parked" if cause.parked_at else "snoozed"
    if len(own) == 1 and (only := next(iter(own))) in ALIKE:
        return str(only)
    if not own:
        return "solved"
    if cause.back_at or own.get(LetterState.REOPENED):
        return "back_again"
    return "assigned" if cause.owner_id else "open"


def _trends(scope: Scope, causes: Sequence[int], now: datetime) -> dict[int, SafeString]:
    """How many letters came per day, over two weeks."""
    today = formats.here(now).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=TREND_DAYS - 1)
    rows = (
        exposure.within(scope, DeadLetter.objects.filter(cause__in=causes, opened_at__gte=first))
        .order_by()
        .annotate(day=TruncDay("opened_at"))
        .values_list("cause", "day")
        .annotate(n=Count("pk"))
    )
    days: dict[int, list[float]] = {}
    for cause, day, count in rows:
        own = days.setdefault(cause, [0.0] * TREND_DAYS)
        own[min((day - first).days, TREND_DAYS - 1)] += count
    return {cause: sparkline(own, "br", _trend_words(own)) for cause, own in days.items()}


def _trend_words(days: Sequence[float]) -> str:
    count = int(sum(days))
    return ngettext("%(n)d in two weeks", "%(n)d in two weeks", count) % {"n": count}


FIXES = {
    Resolution.AUTO: gettext_lazy("Solved itself last time"),
    Resolution.REPLAYED: gettext_lazy("A replay worked last time"),
    Resolution.EDITED_COPY: gettext_lazy("Edited and replayed last time"),
    Resolution.FIXED_IN_TARGET: gettext_lazy("Settled elsewhere last time"),
    Resolution.DISCARDED: gettext_lazy("Written off last time"),
}


def known_fixes(scope: Scope, causes: Sequence[int]) -> dict[int, str]:
    """How each cause was solved the last time, as far as the person sees."""
    last = letters_of(scope, solved=True).filter(cause=OuterRef("pk"))
    how = Subquery(last.order_by("-resolved_at", "-pk").values("resolution")[:1])
    rows = Cause.objects.filter(pk__in=causes).order_by().values_list("pk", how)
    return {cause: str(FIXES[Resolution(how)]) for cause, how in rows if how}


def tabs_of(found: Listing, filters: Filters) -> list[tuple[Any, str, bool, int]]:
    """(label, url, whether it is this one, count)."""
    return [
        (label, filters.tab_url("exceptions", name), name == found.tab, found.counts[name])
        for name, label in TABS.items()
    ]
