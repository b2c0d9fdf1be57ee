"""Find anything: any key of a transaction, a cause, a page; only what this person may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from controltower.measures.exposure import Scope, by_cause
from controltower.web import formats, frame, scope, standing, transaction_list
from controltower.web.security import SignedIn

MOST_TRANSACTIONS, MOST_CAUSES = 8, 3
LONGEST = 120


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
    """What the typed words may mean: pages first, then transactions, then causes."""
    text = request.GET.get("q", "").strip()[:LONGEST]
    found = [*_pages(request, text), *_transactions(request, text), *_causes(request, text)]
    return render(request, "components/_found.html", {"found": found, "query": text})


def _pages(request: HttpRequest, text: str) -> Iterator[Found]:
    for _title, places in frame.RAIL:
        for place in places:
            if str(place.label).casefold().startswith(text.casefold()):
                keys = f"G {place.go.upper()}" if place.go else ""
                yield Found(place.icon, str(place.label), _("Page"), keys, reverse(place.route))


def _transactions(request: SignedIn, text: str) -> Iterator[Found]:
    if not text:
        return
    rows = transaction_list.search(scope.transactions(request), text)
    for one in rows.select_related("entity")[:MOST_TRANSACTIONS]:
        worth = formats.amount(one.amount, one.currency)
        yield Found(
            icon="receipt-text",
            title=one.title,
            detail=f"{worth} · {one.counterparty}" if one.counterparty else worth,
            aside=standing.process_title(one.process),
            url=standing.url_of(one),
        )


def _causes(request: SignedIn, text: str) -> Iterator[Found]:
    if len(text) < transaction_list.SHORTEST_PREFIX:
        return
    seen = Scope(request.user, scope.chosen(request))
    matching = (
        line
        for line in by_cause(seen, timezone.now())
        if text.casefold() in line.cause.title.casefold()
    )
    for line in islice(matching, MOST_CAUSES):
        yield Found(
            icon="octagon-alert",
            title=line.cause.title,
            detail=formats.number(line.stake.count),
            aside=_("Exception"),
            url=reverse("exception", args=[line.cause.pk]),
        )
