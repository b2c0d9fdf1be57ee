"""Find anything: any key of a transaction, a cause, an incident, a page; only what this person may
see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from controltower.incidents.models import Cause, Incident
from controltower.measures.causes import by_cause
from controltower.measures.exposure import Scope
from controltower.web import formats, rail, scope, standing, transaction_list
from controltower.web.marks import state_mark
from controltower.web.privacy import masked_text
from controltower.web.security import SignedIn

MOST_TRANSACTIONS, MOST_CAUSES, MOST_INCIDENTS = 8, 3, 3
LONGEST = 120
LOOKED_AT = 50
"""Of this many matches the newest are shown."""


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the palette."""

    icon: str
    title: str
    detail: str
    aside: str
    url: str


@require_safe
def find(request: SignedIn) -> HttpResponse:
    """What the typed words may mean: pages first, then transactions, causes and incidents."""
    text = request.GET.get("q", "").strip()[:LONGEST]
    found = [
        *_pages(request, text),
        *_transactions(request, text),
        *_causes(request, text),
        *_incidents(request, text),
    ]
    return render(request, "components/_found.html", {"found": found, "query": text})


def _pages(request: SignedIn, text: str) -> Iterator[Found]:
    for _title, places in rail.places(request.user):
        for place in places:
            if str(place.label).casefold().startswith(text.casefold()):
                keys = f"G {place.go.upper()}" if place.go else ""
                yield Found(place.icon, str(place.label), _("Page"), keys, reverse(place.route))


def _transactions(request: SignedIn, text: str) -> Iterator[Found]:
    if not text:
        return
    rows = transaction_list.search(scope.transactions(request), text, most=LOOKED_AT)
    for one in rows.select_related("entity")[:MOST_TRANSACTIONS]:
        worth = formats.amount(one.amount, one.currency) if one.amount else ""
        yield Found(
            icon="receipt-text",
            title=one.title,
            detail=" · ".join(filter(None, (worth, one.counterparty))),
            aside=standing.process_title(one.process),
            url=standing.url_of(one),
        )


def _causes(request: SignedIn, text: str) -> Iterator[Found]:
    if len(text) < transaction_list.SHORTEST:
        return
    seen = Scope(request.user, scope.chosen(request))
    named = Cause.objects.filter(title__icontains=text)
    for line in by_cause(seen, timezone.now(), causes=named, limit=MOST_CAUSES):
        yield Found(
            icon="octagon-alert",
            title=masked_text(line.cause.title),
            detail=formats.number(line.stake.count),
            aside=_("Exception"),
            url=reverse("exception", args=[line.cause.pk]),
        )


def _incidents(request: SignedIn, text: str) -> Iterator[Found]:
    """Incidents by their name ("INC-12") or title, open ones first."""
    number = text.upper().removeprefix("INC-")
    named = Q(pk=int(number[:9])) if number.isdecimal() else Q(title__icontains=text)
    if len(text) < transaction_list.SHORTEST:
        return
    rows = Incident.objects.visible_to(request.user).filter(named)
    for one in rows.order_by(F("resolved_at").desc(nulls_first=True), "-pk")[:MOST_INCIDENTS]:
        yield Found(
            icon="siren",
            title=masked_text(one.title),
            detail=str(state_mark("incident", one.state).word),
            aside=one.name,
            url=reverse("incident", args=[one.pk]),
        )
