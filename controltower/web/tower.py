"""The Tower: how much is stuck, what is late, who must act. Each region is a view of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from controltower import queues
from controltower.firm.models import Person
from controltower.firm.rates import rate_date
from controltower.incidents.models import DeadLetter
from controltower.measures import causes, flow, health, promises, today
from controltower.measures.exposure import Parts, Scope, reporting_currency, within
from controltower.measures.held_up import HeldUp, held_up
from controltower.measures.under_way import stuck_of, under_way
from controltower.systems.models import System
from controltower.web import (
    assurance,
    closing,
    first_steps,
    privacy,
    recovery,
    standing,
    system_words,
    triage,
    wording,
)
from controltower.web.charts import agebars, lane
from controltower.web.promise_rows import promise_row
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.stakes import backlog, listing, money, scope_of

VISIT = timedelta(minutes=30)
"""Coming back after this long is a new visit: "since you last looked" begins at the last one."""
LOOKED_BEFORE = "looked_before"


@dataclass(frozen=True)
class Look:
    """One look at the Tower: who looks, when, and what is under way, asked once for all regions;
    a region that refreshes itself asks for no more than it needs."""

    request: SignedIn
    now: datetime
    whole: bool = False

    @cached_property
    def scope(self) -> Scope:
        """What is looked at."""
        return scope_of(self.request)

    @cached_property
    def live(self) -> Parts | None:
        """What is under way of it, where all regions are looked at."""
        return under_way(self.scope, self.now) if self.whole else None

    @cached_property
    def letters(self) -> Parts | None:
        """What open letters hold by cause and month, where all regions are looked at."""
        if not self.whole:
            return None
        return causes.held(within(self.scope, DeadLetter.objects.open()), causes.MONTHLY)

    @cached_property
    def held_up(self) -> HeldUp:
        """What is stuck of it."""
        return stuck_of(self.live) if self.live else held_up(self.scope, self.now)


@require_safe
def tower(request: SignedIn) -> HttpResponse:
    """The whole page; before the first transaction, how to begin."""
    now = timezone.now()
    steps = first_steps.first_steps()
    context: dict[str, Any] = {"now": now, "setup": steps, **recovery.shown(request, now)}
    context |= assurance.shown(request.user)
    if steps is None:
        look = Look(request, now, whole=True)
        for _template, build in REGIONS.values():
            context |= build(look)
    return render(request, "tower/tower.html", context)


@require_safe
def region(request: SignedIn, name: str) -> HttpResponse:
    """One region, as it refreshes itself."""
    if name not in REGIONS:
        raise Http404
    template, build = REGIONS[name]
    now = timezone.now()
    return render(request, template, {"now": now, **build(Look(request, now))})


@require_POST
def looked(request: SignedIn) -> HttpResponse:
    """The person is looking. After a pause, "since you last looked" begins where they left."""
    now, person = timezone.now(), request.user
    last = person.last_looked_at
    if last is None or now - last > VISIT:
        request.session[LOOKED_BEFORE] = last.isoformat() if last else ""
    Person.objects.filter(pk=person.pk).update(last_looked_at=now)
    return HttpResponse(status=204)


def _sentence(look: Look) -> dict[str, Any]:
    seen = look.scope
    stuck = today.stuck_now(seen, look.now, look.held_up)
    kept = flow.kept_today(seen, look.now)
    recovered = flow.recovered_today(seen, look.now)
    return {
        "stuck": backlog(stuck.parts),
        "headline": sentence(stuck, kept),
        "day_note": wording.totals_note(reporting_currency(), rate_date(), stuck.whole.unpriced),
        "facts": {
            "stuck_change": stuck.change,
            "late_processes": stuck.late_processes,
            "on_time": kept.share,
            "promised": today.PROMISED,
            "recovered": money(recovered.stake),
            "recovered_count": recovered.stake.count,
            "recovered_median": recovered.median,
        },
        "since": _since(look),
    }


def sentence(stuck: today.StuckNow, kept: flow.Kept, base: str = "") -> SafeString:
    """What is stuck, late and due, each a link to its list under `base`."""
    links = wording.Links(
        stuck=base + listing(stuck="1"),
        late=base + listing(stuck="1", lateness="late"),
        due=base + listing(stuck="1", lateness="due_today"),
    )
    return wording.headline(backlog(stuck.parts), links, kept.ended, kept.late)


def _since(look: Look) -> dict[str, Any] | None:
    """What changed since the visit before this one; nothing on the first visit of all."""
    then = look.request.user.last_looked_at
    if then is not None and look.now - then <= VISIT:
        before = look.request.session.get(LOOKED_BEFORE)
        then = datetime.fromisoformat(before) if before else None
    if then is None:
        return None
    changes = flow.since(look.scope, then)
    return {
        "at": then,
        "recovered": changes.recovered,
        "stuck": changes.newly_stuck,
        "verified": changes.verified,
        "url": reverse("exceptions"),
    }


def _lane(look: Look) -> dict[str, Any]:
    systems = System.objects.filter(active=True).order_by("-pk")
    names = dict(systems.values_list("role", "title"))
    stages = tuple(
        lane.Stage(
            title=str(heard(line.stage.name)),
            system=names.get(line.stage.system.lower(), line.stage.system),
            typical=None,
            moving=line.moving.count,
            moving_value=money(line.moving),
            stuck=backlog(line.stuck),
            url=listing(lane=line.stage.slug),
            stuck_url=listing(lane=line.stage.slug, stuck="1"),
        )
        for line in flow.lane(look.scope, look.now, look.live)
    )
    title = _("Deal to invoice, right now")
    return {"lane": lane.Lane(title, stages), "lane_heading": title}


def _close(look: Look) -> dict[str, Any]:
    return closing.region(look.scope, look.now, look.live, look.letters)


def _triage(look: Look) -> dict[str, Any]:
    return triage.region(look.request.user, look.scope, look.now, look.letters)


AGE_TITLES: Mapping[str, Callable[[], str]] = {
    "Under 1 h": lambda: _("Under 1 h"),
    "1 to 4 h": lambda: _("1 to 4 h"),
    "4 to 24 h": lambda: _("4 to 24 h"),
    "1 to 3 days": lambda: _("1 to 3 days"),
    "Over 3 days": lambda: _("Over 3 days"),
}


def _ages(look: Look) -> dict[str, Any]:
    bands = tuple(
        agebars.AgeBand(AGE_TITLES[label](), backlog(parts))
        for label, parts in look.held_up.of_ages()
    )
    return {"ages": agebars.AgeBars(bands), "stuck": backlog(look.held_up.of_lateness())}


def _promises(look: Look) -> dict[str, Any]:
    lines = promises.promises(look.scope, look.now, look.held_up)
    told = [line for line in lines if line.slowest_tenth is not None or line.stuck.count]
    return {
        "promises": [promise_row(line) for line in told or lines],
        "silent": len(lines) - len(told) if told else 0,
    }


def _systems(look: Look) -> dict[str, Any]:
    systems = list(System.objects.filter(active=True))
    pulses = health.pulses(look.now, systems)
    inbox, workers = today.inbox(), queues.workers()
    called = [one for one in systems if one.last_ok_at or pulses.get(one.pk)]
    lines = [system_words.line(one, pulses.get(one.pk, health.Pulse()), look.now) for one in called]
    return {
        "systems": system_words.gravest_first(lines),
        "behind": {
            "not_called": len(systems) - len(called),
            "events_waiting": inbox.waiting,
            "longest_wait": look.now - inbox.oldest if inbox.oldest else None,
            "workers": workers,
        },
    }


def _feed(look: Look) -> dict[str, Any]:
    entries = flow.feed(look.scope)
    masks = privacy.of_each(entry.transaction for entry in entries)
    return {
        "feed": [
            {
                "at": entry.at,
                "token": wording.feed_token(entry.kind),
                "text": f"{heard(one.title)}: {heard(masks[one.pk].text(entry.text))}",
                "url": standing.url_of(one),
            }
            for entry, one in ((entry, entry.transaction) for entry in entries)
        ]
    }


Build = Callable[[Look], dict[str, Any]]
REGIONS: Mapping[str, tuple[str, Build]] = {
    "ages": ("tower/_ages.html", _ages),
    "sentence": ("tower/_sentence.html", _sentence),
    "lane": ("tower/_lane.html", _lane),
    "close": ("tower/_close.html", _close),
    "triage": ("tower/_triage.html", _triage),
    "feed": ("tower/_feed.html", _feed),
    "promises": ("tower/_promises.html", _promises),
    "systems": ("tower/_systems.html", _systems),
}
