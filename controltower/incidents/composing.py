"""What a message says: what happened, the money, who has it, by when, and where to go."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.firm.rights import entities_of, in_words
from controltower.incidents import matching
from controltower.incidents.models import EntryKind, Incident, IncidentEntry
from controltower.incidents.promises import takers


def text_for(person: Person, entry: IncidentEntry) -> str:
    """Ten lines at most, with the money of those legal entities alone that the person sees."""
    incident, base = entry.incident, settings.ADDRESS
    lines = [entry.text, _money(person, entry)]
    lines += [_owned(incident), _due(person, incident)]
    lines.append(f"Incident: {base}/incidents/{incident.pk}/")
    lines += [f"Group: {base}/exceptions/{cause.pk}/" for cause in incident.causes.all()[:2]]
    for version in matching.for_incident(incident, entry.at)[:1]:
        lines.append(f"Runbook: {base}/runbooks/{version.runbook.slug}/")
    return "\n".join(line for line in lines if line)


def _owned(incident: Incident) -> str:
    if incident.owner:
        return f"Owned by: {incident.owner}"
    return f"Nobody leads it yet: it waits for the {in_words(takers(incident))}."


def _due(person: Person, incident: Incident) -> str:
    """What is due next, on the person's own clock."""
    due = incident.acknowledge_by or incident.update_by
    if due is None:
        return ""
    when = f"{due.astimezone(ZoneInfo(person.zone)):%d %B %Y %H:%M}"
    if incident.acknowledge_by:
        return f"Take it by {when} ({person.zone})."
    return f"Say how it stands by {when} ({person.zone})."


def _money(person: Person, entry: IncidentEntry) -> str:
    """What hangs on it, in the reporting currency, as it was when the line was written."""
    codes = entities_of(person)
    seen = [one for one in _figures(entry) if codes is None or one["entity"] in codes]
    count = sum(int(one["count"]) for one in seen)
    if not count:
        return ""
    worth, late = (sum((Decimal(one[name]) for one in seen), Decimal(0)) for name in WORTHS)
    what = "1 transaction" if count == 1 else f"{count} transactions"
    words = f"{what} worth {_shown(worth)} hang on it"
    return f"{words}, {_shown(late)} of it is late." if late else f"{words}; nothing is late yet."


def _figures(entry: IncidentEntry) -> list[Any]:
    """Those of its moment; who is told that nobody has answered, or who leads now, reads the last
    that there were."""
    if entry.figures or entry.kind not in {EntryKind.MISSED, EntryKind.HANDED}:
        return list(entry.figures)
    earlier = entry.incident.entries.filter(at__lte=entry.at).exclude(figures=[])
    last = earlier.order_by("-at", "-pk").first()
    return list(last.figures) if last else []


WORTHS = ("amount", "late")


def _shown(amount: Decimal) -> str:
    shown = Money.of(amount, settings.REPORTING_CURRENCY)
    return f"{shown.currency} {shown.amount:,}"
