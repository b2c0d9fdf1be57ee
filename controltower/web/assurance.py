"""Assurance: what must always hold, when it was last looked at, and what was found broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from controltower.firm.models import Person
from controltower.firm.rights import entities_of
from controltower.incidents.models import Incident
from controltower.measures import rollups
from controltower.measures.chaos import record
from controltower.measures.checks.finding import made_at
from controltower.measures.checks.money import BILLING, PARTS, part_of
from controltower.measures.exposure import Scope
from controltower.measures.invariants import INVARIANTS
from controltower.measures.models import Check, Kind
from controltower.web import incident_list, scope
from controltower.web.sayings import heard
from controltower.web.security import SignedIn

STALE = timedelta(minutes=3)
"""The rules are looked at every minute; after this long nobody looks any more."""
MOST_BREACHES = 5


@require_safe
def assurance(request: SignedIn) -> HttpResponse:
    """The rules, the money per currency, and the incidents."""
    now = timezone.now()
    lines = rules(request.user, now)
    context = {
        "now": now,
        "rules": lines,
        "sentence": sentence(lines),
        "balances": balances(Scope(request.user, scope.chosen(request))),
        "incidents": [_incident(one, request.user) for one in under_way()],
        "chaos": record(),
    }
    return render(request, "assurance/assurance.html", context)


def rules(person: Person, now: datetime) -> list[dict[str, Any]]:
    """Each invariant and what was found of it; which records are broken, and how many were looked
    at, only those who see the whole firm may know."""
    looked = {check.code: check for check in Check.objects.all()}
    found = [(rule, looked.get(rule.code) or Check(code=rule.code)) for rule in INVARIANTS]
    sees_all = entities_of(person) is None
    return [
        {
            "code": rule.code,
            "title": rule.title,
            "state": state_of(check, now),
            "halts": rule.halts,
            "lately": rule.lately,
            "passing": made_at(UUID(check.position)) if rule.table and check.position else None,
            "check": check,
            "rows": check.rows if sees_all else None,
            "breaches": check.breaches[:MOST_BREACHES] if sees_all else [],
        }
        for rule, check in found
    ]


def sentence(lines: Sequence[Mapping[str, Any]]) -> str:
    """How the rules stand: what is broken first, then what nobody looks at, else that all hold."""
    broken = [str(heard(line["title"])) for line in lines if line["state"] == "broken"]
    unseen = sum(1 for line in lines if line["state"] in ("stale", "unknown"))
    if broken:
        words = ngettext(
            "%(n)s of %(all)s rules is broken: %(names)s.",
            "%(n)s of %(all)s rules are broken: %(names)s.",
            len(broken),
        )
        return words % {"n": len(broken), "all": len(lines), "names": "; ".join(broken)}
    if unseen:
        return _("%(n)s of %(all)s rules have not been looked at for minutes.") % {
            "n": unseen,
            "all": len(lines),
        }
    return _("All %(n)s rules hold.") % {"n": len(lines)}


def under_way() -> QuerySet[Incident]:
    """Open incidents about these rules."""
    about = [rule.code for rule in INVARIANTS]
    return Incident.objects.open().filter(subject__in=about).select_related("owner")


def state_of(check: Check, now: datetime) -> str:
    """The rule's state for `marks`."""
    if check.looked_at is None:
        return "unknown"
    if check.breaches:
        return "broken"
    return "stale" if now - check.looked_at > STALE else "holds"


def balances(eyes: Scope) -> list[dict[str, Any]]:
    """Billing money per currency, as far as the person sees: in = the sum of the parts."""
    found: dict[str, dict[str, Decimal]] = {}
    figures = rollups.figures(eyes, Kind.STANDING).filter(process=BILLING)
    for currency, state, amount in figures.values_list("currency", "state").annotate(Sum("amount")):
        line = found.setdefault(currency, dict.fromkeys(PARTS, Decimal(0)))
        line[part_of(state)] += amount
    return [
        {"currency": currency, "total": sum(line.values(), Decimal(0)), **line}
        for currency, line in sorted(found.items())
        if any(line.values())
    ]


def _incident(incident: Incident, person: Person) -> dict[str, Any]:
    """An incident of a rule; what is affected names records, which not everybody may know."""
    affected = incident.affected if entities_of(person) is None else []
    return {
        "row": incident,
        "affected": affected[:MOST_BREACHES],
        "holds": not incident.affected,
        "count": len(affected),
        "url": reverse("incident", args=[incident.pk]),
    }


@require_safe
def banner(request: SignedIn) -> HttpResponse:
    """The line on the Tower, as it refreshes itself; empty while no incident is open."""
    return render(request, "components/incidents.html", shown(request.user))


def shown(person: Person) -> dict[str, Any]:
    """What the line on the Tower draws: the gravest incidents that this person may see."""
    return {"open_incidents": incident_list.gravest(person)[:MOST_BREACHES]}
