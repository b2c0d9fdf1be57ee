"""The Tower's list of what needs someone: the causes that hold most money, one verb each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money
from controltower.firm.models import Person, Role
from controltower.firm.rights import Right, may
from controltower.incidents.models import DeadLetter
from controltower.mappings.models import MappingVersion, VersionState
from controltower.measures.causes import CauseLine, by_cause
from controltower.measures.exposure import Parts, Scope, reporting_currency, within
from controltower.transactions.models import PlanState
from controltower.web import cause_titles, formats, standing, wording
from controltower.web.exception_filters import PARKED, SNOOZED
from controltower.web.exception_groups import letters_of, put_aside
from controltower.web.job_tally import tallies

MOST = 7


def region(
    person: Person, scope: Scope, now: datetime, letters: Parts | None = None
) -> dict[str, Any]:
    """The context of `tower/_triage.html`; `letters` is what the open ones hold, if it is known."""
    lines = by_cause(scope, now, limit=None, holding=letters)
    shown = lines[:MOST]
    titles = cause_titles.titles([line.cause for line in lines], letters_of(scope))
    fixes, jobs = _fixes(scope, shown, now), _jobs(scope, shown)
    return {
        "causes": [
            _cause(line, titles[pk], person, fixes.get(pk, ""), jobs.get(pk), now)
            for line in shown
            for pk in [line.cause.pk]
        ],
        "causes_total": len(lines),
        "exceptions_url": reverse("exceptions"),
        "aside": _aside(scope, now),
        "checked_words": _("Last checked %(time)s.") % {"time": formats.clock(now)},
    }


def _cause(
    line: CauseLine, title: str, person: Person, fix: str, running: Any, now: datetime
) -> dict[str, Any]:
    cause = line.cause
    url = reverse("exception", args=[cause.pk])
    may_replay = may(person, Right.REPLAY)
    verb = wording.verb(
        cause.kind,
        has_owner=cause.owner is not None,
        has_fix=bool(fix),
        may_replay=may_replay,
        may_assign=may(person, Right.ASSIGN),
    )
    return {
        "id": cause.pk,
        "title": title,
        "url": url,
        "lateness": standing.lateness_of(line.due, now, person.zone),
        "count": line.stake.count,
        "noun": wording.noun(cause.step_name, line.stake.count),
        "oldest": line.oldest,
        "due": line.due,
        "value": Money.of(line.stake.amount, reporting_currency()),
        "owner": _owner(line, person),
        "fix": fix,
        "verb": _("Follow") if running else verb,
        "verb_url": running["url"] if running else url,
        "primary": bool(fix) and may_replay and not running,
        "running": running,
    }


def _aside(scope: Scope, now: datetime) -> list[tuple[str, str]]:
    """What is stuck and put aside, in words, each with its list."""
    found = {tab: put_aside(scope, tab, now) for tab in (SNOOZED, PARKED)}
    return [
        (_aside_words(tab, count, value), f"{reverse('exceptions')}?tab={tab}")
        for tab, (count, value) in found.items()
        if count
    ]


def _aside_words(tab: str, count: int, value: Money) -> str:
    words = (
        ngettext("%(n)s cause is snoozed: %(value)s", "%(n)s causes are snoozed: %(value)s", count)
        if tab == SNOOZED
        else ngettext(
            "%(n)s cause is parked: %(value)s", "%(n)s causes are parked: %(value)s", count
        )
    )
    return words % {"n": formats.number(count), "value": formats.money(value)}


def _owner(line: CauseLine, person: Person) -> dict[str, str] | None:
    owner = line.cause.owner
    if owner is None:
        return None
    name = _("You") if owner.pk == person.pk else str(owner)
    return {"name": name, "initials": owner.initials, "team": _team(line.cause.owner_role)}


def _team(role: str) -> str:
    return str(Role(role).label) if role in Role.values else ""


def _fixes(scope: Scope, lines: Sequence[CauseLine], now: datetime) -> dict[int, str]:
    """Causes whose records were sent with a mapping that has been replaced since."""
    pinned = (
        within(scope, DeadLetter.objects.open())
        .filter(
            cause__in=[line.cause.pk for line in lines],
            step__mapping_version__isnull=False,
        )
        .order_by()
        .values_list("cause", "step__mapping_version__mapping", "step__mapping_version__number")
        .distinct()
    )
    rows = list(pinned)
    active = {
        version.mapping_id: version
        for version in MappingVersion.objects.filter(
            mapping__in={mapping for _cause, mapping, _number in rows}, state=VersionState.ACTIVE
        ).select_related("mapping")
    }
    found: dict[int, str] = {}
    for cause, mapping, number in rows:
        version = active.get(mapping)
        if version and version.number > number and version.active_from:
            found[cause] = wording.fix_ready(
                version.mapping.title, version.number, version.active_from, now
            )
    return found


def _jobs(scope: Scope, lines: Sequence[CauseLine]) -> Mapping[int, dict[str, Any]]:
    """The replay that is running over a cause, if any, as far as the person sees it."""
    rows = (
        within(scope, DeadLetter.objects.open())
        .filter(
            cause__in=[line.cause.pk for line in lines],
            step__replays__plan__state__in=[PlanState.RUNNING, PlanState.PAUSED],
        )
        .order_by()
        .values_list("cause", "step__replays__plan", "step__replays__plan__title")
        .distinct()
    )
    sums = tallies([plan for _cause, plan, _title in rows], scope.person)
    return {
        cause: {
            "title": title,
            "url": reverse("job", args=[plan]),
            "progress": sums[plan].progress,
        }
        for cause, plan, title in rows
    }
