"""What a message says: what happened, the money, who has it, by when, and where to go."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.firm.rights import entities_of, entity_keys_of, in_words
from controltower.incidents import matching
from controltower.incidents.models import Cause, EntryKind, Incident, IncidentEntry
from controltower.incidents.promises import takers

MOST_NAMED = 2
"""Causes and runbooks that a message links."""


def text_for(person: Person, entry: IncidentEntry) -> str:
    """Ten lines at most, with the money of those legal entities alone that the person sees."""
    incident, base = entry.incident, settings.ADDRESS
    lines = [entry.text, *_money(person, entry)]
    lines += [_owned(incident), _due(person, incident, entry.at)]
    lines.append(f"Incident: {base}/incidents/{incident.pk}/")
    causes = _causes(person, incident)
    for cause in causes:
        lines.append(f"Group: {cause.title}: {base}/exceptions/{cause.pk}/")
    fitting = [matching.for_cause(cause, entry.at)[:1] for cause in causes]
    fitting.append(matching.for_incident(incident, entry.at)[:1])
    books = dict.fromkeys(version.runbook.slug for found in fitting for version in found)
    lines += [f"Runbook: {base}/runbooks/{slug}/" for slug in list(books)[:MOST_NAMED]]
    return "\n".join(line for line in lines if line)


def _causes(person: Person, incident: Incident) -> list[Cause]:
    """The first of its causes by which something is stuck that the person sees."""
    causes, keys = incident.causes.select_related("system"), entity_keys_of(person)
    if keys is not None:
        causes = causes.filter(letters__transaction__entity__in=keys).distinct()
    return list(causes[:MOST_NAMED])


def _owned(incident: Incident) -> str:
    if incident.owner:
        return f"Owned by: {incident.owner}"
    return f"Nobody leads it yet: it waits for the {in_words(takers(incident))}."


def _due(person: Person, incident: Incident, now: datetime) -> str:
    """What is due next, or was due before now, on the person's own clock."""
    due = incident.acknowledge_by or incident.update_by
    if due is None:
        return ""
    when = _clock(person, due)
    if incident.acknowledge_by:
        if due < now:
            return f"It was to be taken by {when} ({person.zone})."
        return f"Take it by {when} ({person.zone})."
    if due < now:
        return f"Word on how it stands was due by {when} ({person.zone})."
    return f"Say how it stands by {when} ({person.zone})."


def _money(person: Person, entry: IncidentEntry) -> list[str]:
    """What hangs on it, in the reporting currency, as it was when the line was written, and by when
    the first of it is due."""
    codes = entities_of(person)
    seen = [one for one in _figures(entry) if codes is None or one["entity"] in codes]
    count = sum(int(one["count"]) for one in seen)
    if not count:
        return []
    worth, late = (sum((Decimal(one[name]) for one in seen), Decimal(0)) for name in WORTHS)
    words = f"{count} transactions worth {_shown(worth)} hang on it"
    if count == 1:
        words = f"{count} transaction worth {_shown(worth)} hangs on it"
    said = f"{words}, {_shown(late)} of it is late." if late else f"{words}; nothing is late yet."
    due = min((one["due"] for one in seen if one.get("due")), default=None)
    if due is None:
        return [said]
    return [said, f"First due {_clock(person, datetime.fromisoformat(due))} ({person.zone})."]


def _figures(entry: IncidentEntry) -> list[Any]:
    """Those of its moment; who is told that nobody has answered, or who leads now, reads the last
    that there were."""
    if entry.figures or entry.kind not in {EntryKind.MISSED, EntryKind.HANDED}:
        return list(entry.figures)
    earlier = entry.incident.entries.filter(at__lte=entry.at).exclude(figures=[])
    last = earlier.order_by("-at", "-pk").first()
    return list(last.figures) if last else []


def _clock(person: Person, at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo(person.zone)):%d %B %Y %H:%M}"


WORTHS = ("amount", "late")


def _shown(amount: Decimal) -> str:
    shown = Money.of(amount, settings.REPORTING_CURRENCY)
    return f"{shown.currency} {shown.amount:,}"
