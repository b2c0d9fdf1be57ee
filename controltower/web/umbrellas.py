"""The workflows that lie over others: a deal's whole chain to its cash, and the end of each month.

Nothing of theirs is played: what should have followed and has not stands for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median_low
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from controltower.firm.models import Person, Role
from controltower.firm.rights import Right, may
from controltower.measures import chains, exposure, health, walks
from controltower.measures.exposure import Scope
from controltower.measures.paths import StageLine
from controltower.measures.walks import Walk
from controltower.processes import catalogue, month_end_close, quote_to_cash
from controltower.processes.definition import Watch
from controltower.web import closing, process_words
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.stage_rows import MOST_VARIANTS, slowest_rows, stage_rows
from controltower.web.stakes import listing, money, scope_of

CASH = quote_to_cash.CASH.name


@require_safe
def chain(request: SignedIn) -> HttpResponse:
    """From deal to cash: how far the latest have come, and what stands before which point."""
    now, seen = timezone.now(), scope_of(request)
    latest = chains.walked(seen)
    stages, ways = chains.stages(seen, latest), walks.variants(latest)
    titles = {stage.name: heard(stage.title) for stage in stages}
    paid = sorted(walk.ended - walk.began for walk in latest if walk.ended and _is_paid(walk))
    context = {
        **_head(seen, quote_to_cash.WATCH),
        "now": now,
        "stages": stage_rows(stages, len(latest), _urls),
        "bottleneck": process_words.bottleneck(stages),
        "begun": len(latest),
        "begun_url": listing(process=chains.DEAL, latest="1"),
        "paid": len(paid),
        "paid_url": listing(process=chains.DEAL, point=CASH),
        "typical": median_low(paid) if paid else None,
        "variants": [
            {
                "count": way.count,
                "url": listing(process=chains.DEAL, road=way.key),
                "words": process_words.road(way, titles),
                "steps": [titles.get(name, name) for name in way.steps],
                "state": way.state,
            }
            for way in ways[:MOST_VARIANTS]
        ],
        "more_variants": len(ways[MOST_VARIANTS:]),
        "ended": sum(way.count for way in ways),
        "slowest": _slowest(request.user, latest, now),
        "stale": health.silent(now),
    }
    return render(request, "processes/quote_to_cash.html", context)


@require_safe
def month_end(request: SignedIn) -> HttpResponse:
    """The months that are to be closed, and what is late for its month."""
    now, seen = timezone.now(), scope_of(request)
    region = closing.region(seen, now)
    sees_calendars = may(request.user, Right.ADMINISTER)
    context = {
        **_head(seen, month_end_close.WATCH),
        **region,
        "forecast": closing.foretold(seen, region["next"], now),
        "calendar": closing.calendar(seen, now),
        "now": now,
        "calendar_url": reverse("manage_calendars") if sees_calendars else "",
        "stale": health.silent(now),
    }
    return render(request, "processes/month_end_close.html", context)


def lines(seen: Scope) -> Sequence[dict[str, Any]]:
    """Each of them with what it has stuck, and its page."""
    pages = {quote_to_cash.WATCH: "quote_to_cash", month_end_close.WATCH: "month_end_close"}
    return [_head(seen, watch) | {"url": reverse(pages[watch])} for watch in catalogue.WATCHES]


def _head(seen: Scope, watch: Watch) -> dict[str, Any]:
    held = exposure.stake(exposure.stuck(seen).filter(process=watch.name))
    return {
        "crumbs": [(_("Processes"), reverse("processes")), (watch.title, "")],
        "title": watch.title,
        "owner": Role(watch.owner_role).label,
        "stuck": {
            "count": held.count,
            "value": money(held),
            "url": listing(process=watch.name, stuck="1"),
        },
    }


def _slowest(person: Person, latest: Sequence[Walk], now: datetime) -> Sequence[dict[str, Any]]:
    """A chain is where it has come to, not where its deal is; and no promise is of all of it."""
    states = {walk.id: walk.state for walk in latest}
    found = slowest_rows(person, latest, now)
    rows = [replace(one["row"], state=states[one["row"].id], state_words="") for one in found]
    return [one | {"row": row, "over": False} for one, row in zip(found, rows, strict=True)]


def _is_paid(walk: Walk) -> bool:
    return any(step.name == CASH and step.done_at is not None for step in walk.steps)


def _urls(stage: StageLine) -> dict[str, str]:
    return {
        "passed_url": listing(process=chains.DEAL, point=stage.name),
        "url": listing(awaits=stage.name),
        "stuck_url": listing(awaits=stage.name, stuck="1"),
    }
