"""Assurance: what must always hold, when it was last looked at, and what was found broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet, Sum
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.models import Person
from controltower.firm.rights import Right, entities_of
from controltower.incidents import watch
from controltower.incidents.models import Incident
from controltower.measures import rollups
from controltower.measures.chaos import record
from controltower.measures.checks.finding import made_at
from controltower.measures.checks.money import BILLING, PARTS, part_of
from controltower.measures.exposure import Scope
from controltower.measures.invariants import INVARIANTS
from controltower.measures.models import Check, Kind
from controltower.web import scope
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.security import SignedIn

STALE = timedelta(minutes=3)
"""The rules are looked at every minute; after this long nobody looks any more."""
MOST_CLOSED, MOST_BREACHES = 10, 5


@require_safe
def assurance(request: SignedIn) -> HttpResponse:
    """The rules, the money per currency, and the incidents."""
    now = timezone.now()
    context = {
        "now": now,
        "rules": rules(request.user, now),
        "balances": balances(Scope(request.user, scope.chosen(request))),
        "incidents": [_incident(one, request.user) for one in under_way()],
        "chaos": record(),
        "closed": Incident.objects.exclude(closed_at=None)[:MOST_CLOSED],
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


def under_way() -> QuerySet[Incident]:
    """Incidents that nobody and nothing has ended yet."""
    return Incident.objects.filter(closed_at=None).select_related("owner")


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
    allowed = leave(person, Right.PAUSE_SYSTEM)
    take = Action(
        id=f"take-{incident.pk}",
        label=_("Take it"),
        title=_("Take this incident"),
        url=reverse("incident_owners", args=[incident.pk]),
        confirm=_("Take incident"),
        icon="user-plus",
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )
    close = Action(
        id=f"close-{incident.pk}",
        label=_("Close it"),
        title=_("Close this incident"),
        url=reverse("incident_closings", args=[incident.pk]),
        confirm=_("Close incident"),
        form=Reason(auto_id=f"close-{incident.pk}-%s"),
        icon="circle-check",
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )
    sees_all = entities_of(person) is None
    affected = incident.affected if sees_all else []
    actions = [] if incident.owner == person else [take]
    return {
        "row": incident,
        "affected": affected[:MOST_BREACHES],
        "holds": not incident.affected,
        "count": len(affected),
        "actions": actions if incident.affected else [*actions, close],
    }


@require_POST
def take(request: SignedIn, pk: int) -> HttpResponse:
    """Become the incident's owner."""
    incident = get_object_or_404(Incident, pk=pk, closed_at=None)
    return _try(
        request,
        lambda now: watch.take(incident=incident, by=request.user, now=now),
        _("The incident is yours."),
    )


@require_POST
def close(request: SignedIn, pk: int) -> HttpResponse:
    """Close an incident whose rule holds again, saying what it was."""
    incident, form = get_object_or_404(Incident, pk=pk, closed_at=None), Reason(request.POST)
    note = form.cleaned_data["reason"] if form.is_valid() else ""
    return _try(
        request,
        lambda now: watch.close(incident=incident, note=note, by=request.user, now=now),
        _("Closed. What was held back stays so until somebody resumes it."),
    )


REFUSALS: Mapping[type[Exception], Any] = {
    watch.NoteMissing: gettext_lazy("Say what it was. Nothing was changed."),
    watch.StillBroken: gettext_lazy("The rule does not hold yet, so the incident stays open."),
}


def _try(request: SignedIn, act: Callable[[datetime], None], done: str) -> HttpResponse:
    try:
        act(timezone.now())
    except watch.NotAllowed as refused:
        messages.error(request, str(refused))
    except (watch.NoteMissing, watch.StillBroken) as refused:
        messages.error(request, REFUSALS[type(refused)])
    else:
        messages.success(request, done)
    return HttpResponseRedirect(reverse("assurance"))


@require_safe
def banner(request: SignedIn) -> HttpResponse:
    """The line on the Tower, as it refreshes itself; empty while no incident is open."""
    return render(request, "components/incidents.html", shown())


def shown() -> dict[str, Any]:
    """What the line on the Tower draws."""
    oldest_first = under_way().order_by("opened_at", "id")
    return {"open_incidents": list(oldest_first[:MOST_BREACHES])}
