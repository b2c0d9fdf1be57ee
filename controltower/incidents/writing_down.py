"""Writes down what people have just done about a cause, as the steps of a first draft."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from controltower.firm.models import AuditEntry, Person
from controltower.incidents import runbooks, steps
from controltower.incidents.models import Cause, RunbookVersion
from controltower.transactions.models import ReplayPlan

LOOKS_BACK = timedelta(days=30)
MOST_ENTRIES = 500
ACTS = {
    "pause system": (steps.PAUSE, "Hold the system back"),
    "resume system": (steps.RESUME, "Let calls through again"),
    "solve elsewhere": (steps.ELSEWHERE, "Settle what was put right outside"),
    "write off": (steps.WRITE_OFF, "Write it off"),
    "plan replay": (steps.REPLAY, "Replay what is stuck"),
    "next_period": (steps.NEXT_PERIOD, "Bill it in the open period"),
    "reopened": (steps.REOPENED, "Say that the period is open again"),
}

EDITED = "edit"
PUT_RIGHT = {
    "kind": steps.DECIDE,
    "title": "Put right what is sent",
    "choices": [
        {"label": "It is edited and sent again", "to": steps.NEXT},
        {"label": "It cannot be put right here", "to": steps.END},
    ],
}
"""What edits are written down as: what is right differs each time, so a person decides."""


QUOTED = re.compile(r"“[^”]*”|…|\S*\d\S*")
"""What differs from one transaction to the next: quotations, what is left out, numbers."""
LEAST_WORDS, MOST_WORDS = 8, 60


class NothingDone(Exception):
    """Nobody has done anything about the cause that could be written down."""


def draft(*, cause: Cause, by: Person, now: datetime) -> RunbookVersion:
    """A first draft for causes of this kind. Raises NothingDone, runbooks.NotAllowed."""
    done = list(_deeds(cause, now))
    if not done:
        raise NothingDone
    rules = [
        {"kind": steps.CHECK, "what": steps.HOW_MANY, "title": "See how much hangs on it"},
        *_told(done),
        {"kind": steps.CHECK, "what": steps.NOTHING_STUCK, "title": "See that nothing is left"},
    ]
    fits: dict[str, Any] = {"kinds": [cause.kind], "steps": [cause.step_name]}
    if cause.system is not None:
        fits["systems"] = [cause.system.slug]
    if words := _own_words(cause.title):
        fits["words"] = [words]
    book = runbooks.begin(title=cause.title, by=by, now=now)
    note = f"Written down from what was done about “{cause.title}”."
    return runbooks.draft(runbook=book, rules=rules, fits=fits, note=note, by=by, now=now)


def _own_words(title: str) -> str:
    """What a cause's title says of its own: its longest part between what it quotes, counts or
    leaves out, without whose words it is. "" when there is hardly any."""
    own = title.partition(" refuses: ")[2] or title
    parts = (part.strip(" .,:;()") for part in re.split(QUOTED, own))
    found = max(parts, key=len)
    return found[:MOST_WORDS] if len(found) >= LEAST_WORDS else ""


def _deeds(cause: Cause, now: datetime) -> Iterator[AuditEntry]:
    """What people did about the cause, what it holds and its system, oldest first."""
    plans = ReplayPlan.objects.filter(
        Q(selection__cause=cause.pk) | Q(items__step__in=cause.letters.values("step"))
    )
    subjects = {str(pk) for pk in plans.order_by().values_list("pk", flat=True).distinct()}
    letters = cause.letters.order_by()
    subjects.update(letters.values_list("transaction__reference", flat=True)[:MOST_ENTRIES])
    begun = max(now - LOOKS_BACK, cause.first_seen_at)
    about = Q(subject__in=subjects)
    if cause.system is not None:
        about |= Q(subject=cause.system.slug)
    found = AuditEntry.objects.filter(about, allowed=True, at__gte=begun).exclude(actor="tower")
    yield from (one for one in found.order_by("pk")[:MOST_ENTRIES] if _name(one) in {EDITED, *ACTS})


def _name(entry: AuditEntry) -> str:
    return str(entry.detail.get("decision", "") if entry.verb == "decide period" else entry.verb)


def _told(done: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """One step for each thing that was done in a row, with the reasons that were given."""
    rules: list[dict[str, Any]] = []
    people = Person.objects.filter(username__in={entry.actor for entry in done})
    names = {one.username: str(one) for one in people}
    for entry in done:
        rule = _rule(_name(entry))
        if not rules or rules[-1]["title"] != rule["title"]:
            reason = str(entry.detail.get("reason", ""))
            said = f"{names.get(entry.actor, entry.actor)}: “{reason}”" if reason else ""
            rules.append(rule | {"words": said})
    return rules


def _rule(deed: str) -> dict[str, Any]:
    if deed == EDITED:
        return PUT_RIGHT
    what, title = ACTS[deed]
    return {"kind": steps.ACT, "what": what, "title": title}
