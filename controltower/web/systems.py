"""Health: can each system be reached, how slow is it, what waits for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from controltower.canonical.money import Money
from controltower.firm.models import Person, Surge
from controltower.firm.rights import Right, entities_of
from controltower.measures import health
from controltower.measures.exposure import Scope, reporting_currency
from controltower.systems import calls
from controltower.systems.credentials import reference
from controltower.systems.models import Agreement, Call, Description, Direction, Feed, System
from controltower.transactions import polling
from controltower.web import (
    connecting,
    downtimes,
    expiries,
    field_names,
    formats,
    missing_parts,
    offers,
    plain_names,
    privacy,
    recovery,
    setup_words,
    surges,
    system_pauses,
    system_words,
    wording,
)
from controltower.web.actions import leave
from controltower.web.charts.small import sparkline
from controltower.web.privacy import masked_text
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.stakes import scope_of

LATEST_CALLS = 25
VERDICTS = {
    "done": ("ok", gettext_lazy("answered")),
    "pending": ("mv", gettext_lazy("accepted, not done yet")),
    "rejected": ("br", gettext_lazy("refused")),
    "misconfigured": ("br", gettext_lazy("refused: set up wrongly")),
    "trylater": ("rk", gettext_lazy("asked to come later")),
    "unavailable": ("rk", gettext_lazy("not reached")),
    "unknown": ("rk", gettext_lazy("no clear answer")),
}


@require_safe
def systems(request: SignedIn) -> HttpResponse:
    """All systems."""
    now = timezone.now()
    lines, filters = lines_of(scope_of(request), now), system_words.Filters(request.GET)
    context = {
        "systems": filters.leave(lines),
        "form": filters,
        "filters": filters.number,
        "clear_url": reverse("systems"),
        "region_url": request.get_full_path(),
        "sentence": system_words.sentence(lines),
        "now": now,
        "expiring": expiries.due(now),
        "missing": missing_parts.sentences(),
        "proposed": Description.objects.filter(state=Agreement.PROPOSED),
        "may_describe": leave(request.user, Right.ADMINISTER),
        **recovery.shown(request, now),
        **surges.shown(request, now),
    }
    return render(request, "systems/list.html", context)


def lines_of(seen: Scope, now: datetime) -> list[dict[str, Any]]:
    """Every system as the list shows it, the gravest first."""
    found = list(System.objects.filter(active=True))
    pulses, waiting = health.pulses(now, found), health.waiting(seen)
    planned = downtimes.nearest(now)
    return system_words.gravest_first(
        _line(
            one, pulses.get(one.pk, health.Pulse()), waiting.get(one.pk, health.NOTHING_WAITS), now
        )
        | {"downtime": planned.get(one.pk, "")}
        for one in found
    )


def _line(
    system: System, pulse: health.Pulse, waiting: health.Waiting, now: datetime
) -> dict[str, Any]:
    """A row of the list and the head of the page."""
    shown = system_words.line(system, pulse, now)
    return shown | {
        "domain": heard(system.domain),
        "circuit": shown["condition"],
        "retry_at": health.next_call_at(system, shown["condition"]),
        "last_ok": system.last_ok_at,
        "median": pulse.median,
        "slowest": pulse.slowest,
        "errors": pulse.failed_share,
        "limit_words": _limit_words(system),
        "waiting": waiting.stake.count,
        "waiting_value": Money.of(waiting.stake.amount, reporting_currency()),
        "waiting_oldest": waiting.oldest,
    }


def _limit_words(system: System) -> str:
    if system.quota_used is None or not system.quota_limit:
        return ""
    return _("%(used)s of %(limit)s calls") % {
        "used": formats.number(system.quota_used) if system.quota_used else "0",
        "limit": formats.number(system.quota_limit),
    }


@require_safe
def system(request: SignedIn, slug: str) -> HttpResponse:
    """One system."""
    now = timezone.now()
    one = get_object_or_404(System.objects.select_related("paused_by"), slug=slug)
    pulse = health.pulses(now, [one]).get(one.pk, health.Pulse())
    waiting = health.waiting(scope_of(request)).get(one.pk, health.NOTHING_WAITS)
    line = _line(one, pulse, waiting, now)
    an_hour = round(pulse.calls / (health.WINDOW / timedelta(hours=1)))
    queue = wording.queue_note(one.title, waiting.stake.count, line["waiting_value"], an_hour)
    label = _("Call time of %(system)s over 2 h") % {"system": one.title}
    context = {
        "now": now,
        "crumbs": [(_("Health"), reverse("systems")), (one.title, "")],
        "system": line | _about(one, request.user),
        "latency": sparkline(pulse.line, "mv", label),
        "calls": [shown(call) for call in Call.objects.filter(system=one)[:LATEST_CALLS]],
        "feeds": _feeds(one, request.user, now),
        "pause": system_pauses.action(one, request.user, queue),
        "downtimes": downtimes.shown(one, request.user, now),
        "plan_downtime": downtimes.planning(one, request.user),
        "incident": offers.incident_action(
            reverse("system_incidents", args=[one.slug]), request.user
        ),
        "would_queue": queue,
        "expiries": expiries.of(one, now),
        "note_expiry": expiries.action(one, request.user),
        "described": Description.objects.filter(slug=slug, state=Agreement.ACTIVE).first(),
        "change_url": setup_words.change_url(one, request.user),
        "retire": connecting.retirement(one, request.user),
    }
    return render(request, "systems/system.html", context)


def _about(system: System, person: Person) -> dict[str, Any]:
    """What stands still: where it is, how it may be called, what its connector declares."""
    declared = calls.descriptor(system)
    address = reference(system.base_url)
    return {
        "opened_at": system.opened_at,
        "failures": system.failures,
        "refused_at": system.refused_at,
        "refusal": privacy.masked_text(system.refusal),
        "last_failure_at": system.last_failure_at,
        "last_failure": _words(system.last_failure, person),
        "address": urlsplit(address).hostname or system.base_url,
        "connector": declared.title,
        "api_version": declared.api_version,
        "verification": heard(str(declared.verification)),
        "lacks": declared.lacks,
        "credentials": [
            (
                field_names.given(name),
                value if value.startswith("env:") else _("kept in the settings"),
            )
            for name, value in system.secrets.items()
        ],
        "deadline": system.deadline,
        "calls_per_second": system.calls_per_second,
        "concurrency": system.concurrency,
        "paused": system.paused_at
        and {"by": system.paused_by, "at": system.paused_at, "reason": system.pause_reason},
    }


def _words(trouble: str, person: Person) -> str:
    """What a system said last: it may be about a record of any company."""
    if not trouble or entities_of(person) is None:
        return masked_text(trouble)
    return _("what it said is for those who see the whole firm")


def shown(call: Call) -> dict[str, Any]:
    """A call as lists show it."""
    token, words = VERDICTS.get(call.verdict, ("nt", call.verdict))
    return {
        "at": call.at,
        "operation": plain_names.called(call.operation),
        "verdict": words,
        "token": token,
        "milliseconds": call.milliseconds,
    }


def _feeds(system: System, person: Person, now: datetime) -> list[dict[str, Any]]:
    ways = calls.descriptor(system).feeds
    aside = health.unread_feeds(now, [system])
    agreed = dict(system.interfaces.filter(direction=Direction.INBOUND).values_list("entity", "pk"))
    return [
        _feed(feed, str(system_words.WAYS.get(ways.get(feed.entity, ""), "")), person, now)
        | {"aside": aside.get(feed, 0), "interface": agreed.get(feed.entity)}
        for feed in system.feeds.all()
    ]


def _feed(feed: Feed, way: str, person: Person, now: datetime) -> dict[str, Any]:
    every = polling.interval(feed, surging=Surge.objects.under_way(now).exists())
    return {
        "entity": plain_names.record(feed.entity),
        "way": way,
        "gap_at": feed.gap_at,
        "healed": feed.is_healed,
        "polled_at": feed.polled_at,
        "expires_at": feed.expires_at,
        "late": health.is_late(feed, now),
        "every": every,
        "trouble": _words(feed.trouble, person),
    }
