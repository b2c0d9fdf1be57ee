"""Interfaces, their drift and what runs out, as pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical import contracts
from controltower.canonical.money import Money
from controltower.measures import registry
from controltower.measures.exposure import Scope, reporting_currency
from controltower.measures.registry import Line
from controltower.systems.expiring import Expiry, What
from controltower.systems.models import Direction, Drift, Interface
from controltower.transactions.interfaces import FEED
from controltower.web import standing
from controltower.web.marks import Mark
from controltower.web.plain_names import record
from controltower.web.privacy import masked_text
from controltower.web.sayings import heard

ONE_OF = "one of "


def field(path: str, words: str) -> tuple[str, str]:
    """A field of a contract and what it must be: "string, one of open, closed, may be empty"."""
    return path, ", ".join(map(_shape, words.split(", ")))


def _shape(words: str) -> str:
    if words.startswith(ONE_OF):
        return _("one of %(value)s") % {"value": words.removeprefix(ONE_OF)}
    return str(heard(words))


def called(interface: Interface) -> str:
    """An interface in a trail of pages: "Salesforce: Opportunity"."""
    return f"{interface.system.title}: {record(interface.entity)}"


def line(one: Line, now: datetime) -> dict[str, Any]:
    """A row of the list and the head of the page."""
    interface = one.interface
    return {
        "id": interface.pk,
        "url": reverse("interface", args=[interface.pk]),
        "system": interface.system,
        "record": record(interface.entity),
        "direction": heard(interface.get_direction_display()),
        "is_inbound": interface.direction == Direction.INBOUND,
        "api_version": one.api_version,
        "version": one.version,
        "proposed": one.proposed,
        "owner": interface.owner,
        "standing": interface.standing and heard(interface.get_standing_display()),
        "note": interface.note,
        "uses": [{"name": consumer(use.consumer), "use": use} for use in one.uses],
        "calls": one.calls,
        "last_at": one.last_at,
        "drifts": len(one.drifts),
        "state": _state(one, now),
        "deprecated_at": interface.deprecated_at,
        "ends_at": one.ends_at,
        "days_left": days_left(one.ends_at, now),
        "more": interface.more,
        "unread": sorted(interface.unread),
    }


def _state(one: Line, now: datetime) -> Mark:
    """The gravest that can be said of it."""
    if one.drifts:
        return Mark("br", _("Not as agreed"))
    if one.ends_at is not None and one.ends_at <= now:
        return Mark("br", _("Ended"))
    if one.ends_soon(now):
        return Mark("rk", _("Ends soon"))
    if one.interface.deprecated_at is not None and one.interface.deprecated_at <= now:
        return Mark("rk", _("Deprecated"))
    if one.proposed is not None:
        return Mark("wt", _("Waits for a second person"))
    if one.version is None:
        return Mark("nt", _("Nothing has passed yet"))
    return Mark("ok", _("As agreed"))


def days_left(at: datetime | None, now: datetime) -> str:
    """How many days are left, or how many it is over."""
    if at is None:
        return ""
    days = (at - now).days
    if days < 0:
        return ngettext("%(n)d day over", "%(n)d days over", -days) % {"n": -days}
    return ngettext("%(n)d day left", "%(n)d days left", days) % {"n": days}


def consumer(name: str) -> str:
    """Who uses an interface."""
    return _("Our own reading of changes") if name == FEED else heard(standing.process_title(name))


def drift(one: Drift, seen: Scope, now: datetime) -> dict[str, Any]:
    """A difference, what it holds in the viewer's eyes, and what can be done about it."""
    difference = contracts.told(one.sentence) or contracts.Difference(one.sentence)
    held = registry.stake(one, seen)
    return {
        "id": one.pk,
        "url": reverse("drift", args=[one.pk]),
        "interface": one.interface,
        "system": one.interface.system,
        "entity": one.interface.entity,
        "record": record(one.interface.entity),
        "words": masked_text(str(difference)),
        "place": difference.place,
        "expected": _expected(difference),
        "found": masked_text(_found(difference)),
        "remedy": difference.remedy,
        "first_seen_at": one.first_seen_at,
        "last_seen_at": one.last_seen_at,
        "ended_at": one.ended_at,
        "samples": one.samples,
        "held": held.count,
        "rows": registry.rows_held(one, seen.person).count(),
        "value": Money.of(held.amount, reporting_currency()),
        "version": one.version,
    }


def _expected(difference: contracts.Difference) -> str:
    if difference.expected:
        return str(heard(difference.expected))
    return _("to be there") if difference.what == contracts.MISSING else _("another shape")


def _found(difference: contracts.Difference) -> str:
    if difference.found:
        return str(heard(difference.found))
    return _("nothing") if difference.what == contracts.MISSING else difference.what


def expiry(one: Expiry, now: datetime) -> dict[str, Any]:
    """Something that runs out."""
    over, soon = one.is_over(now), one.is_due(now)
    kinds = {
        What.CREDENTIAL: _("Credential"),
        What.INTERFACE: _("Interface"),
        What.CHANGES: _("Changes kept for us"),
        What.SUBSCRIPTION: one.trouble or _("Subscription that tells us of changes"),
    }
    if over:
        mark = Mark("br", _("Over"))
    else:
        mark = Mark("rk", _("Soon")) if soon else Mark("ok", _("Good"))
    return {
        "system": one.system,
        "kind": kinds[one.what],
        "name": one.name,
        "at": one.at,
        "days_left": days_left(one.at, now),
        "mark": mark,
    }
