"""What people do with an incident: open it, take it, hand it over, say how it stands, link what
belongs to it, call it mitigated, resolve it, and write its review."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.incidents import notices, watch
from controltower.incidents.models import (
    Cause,
    EntryKind,
    Incident,
    IncidentState,
    Severity,
)
from controltower.incidents.promises import QUIET_FOR
from controltower.incidents.timeline import Figures, tell
from controltower.incidents.timers import wind_up
from controltower.systems.models import System
from controltower.transactions.models import Transaction


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class StillBroken(Exception):
    """It has not been quiet for long enough, so that it cannot be resolved."""


class WordMissing(Exception):
    """This needs a word on what it is or was."""


class Over(Exception):
    """The incident is not in a state in which this can be done; the text says why."""


def open_for(
    *,
    by: Person,
    title: str,
    severity: Severity,
    now: datetime,
    cause: Cause | None = None,
    system: System | None = None,
    figures: Figures = (),
) -> Incident:
    """A person opens the incident of a cause or of a system, or finds the one that is open.
    Raises NotAllowed."""
    subject = subject_of(cause or system)
    _require(by, "open incident", subject, now)
    return watch.report(
        subject=subject,
        title=title,
        severity=severity,
        owner_role=cause.owner_role if cause else "operator",
        causes=[cause] if cause else [],
        systems=[system] if system else [],
        figures=figures,
        by=by,
        now=now,
    )


def subject_of(thing: Cause | System | None) -> str:
    """What an incident about a cause or a system has as its subject."""
    if isinstance(thing, Cause):
        return f"cause:{thing.fingerprint}"
    assert thing is not None
    return f"system:{thing.slug}"


def take(*, incident: Incident, by: Person, now: datetime, figures: Figures = ()) -> None:
    """Become its owner: triggered → acknowledged. Raises NotAllowed or Over."""
    with _mine(incident, by, "take incident", now) as row:
        before = row.owner
        row.owner, row.missed = by, 0
        row.deputy = row.deputy if row.deputy != by else None
        if row.state == IncidentState.TRIGGERED:
            row.state = IncidentState.ACKNOWLEDGED
        wind_up(row, now)
        row.save()
        words = f"{by} has it."
        entry = tell(row, EntryKind.ACKNOWLEDGED, words, by=by, now=now, figures=figures)
        if before is not None:
            notices.tell_named(entry, {before: notices.RELIEVED})


def hand_over(
    *,
    incident: Incident,
    owner: Person,
    deputy: Person | None,
    by: Person,
    now: datetime,
    figures: Figures = (),
) -> None:
    """Name its owner and deputy, who are told. Raises NotAllowed or Over."""
    with _mine(incident, by, "hand over incident", now) as row:
        before = {row.owner: notices.LEADS, row.deputy: notices.STANDS_BY}
        row.owner, row.missed = owner, 0
        row.deputy = deputy if deputy != owner else None
        if row.state == IncidentState.TRIGGERED:
            row.state = IncidentState.ACKNOWLEDGED
        wind_up(row, now)
        row.save()
        words = f"{owner} leads, {row.deputy} is the deputy." if row.deputy else f"{owner} leads."
        entry = tell(row, EntryKind.HANDED, words, by=by, now=now, figures=figures)
        notices.tell_named(entry, _news(before, row))


def _news(before: Mapping[Person | None, str], row: Incident) -> dict[Person, str]:
    """What is new for whom: lead, deputy, or lead no longer."""
    told = {one: notices.RELIEVED for one, was in before.items() if was == notices.LEADS}
    told |= {row.deputy: notices.STANDS_BY, row.owner: notices.LEADS}
    return {one: words for one, words in told.items() if one and before.get(one) != words}


def update(
    *, incident: Incident, text: str, by: Person, now: datetime, figures: Figures = ()
) -> None:
    """Say how it stands; the next update is due anew. Raises NotAllowed, WordMissing or Over."""
    _need(text)
    with _mine(incident, by, "update incident", now) as row:
        row.missed = 0
        if row.state != IncidentState.TRIGGERED:
            wind_up(row, now)
        row.save()
        tell(row, EntryKind.UPDATE, text, by=by, now=now, figures=figures)


def mitigate(
    *, incident: Incident, text: str, by: Person, now: datetime, figures: Figures = ()
) -> None:
    """acknowledged → mitigated: it does no more harm, though its cause is still there. Raises
    NotAllowed, WordMissing or Over."""
    _need(text)
    with _mine(incident, by, "mitigate incident", now) as row:
        if row.state == IncidentState.MITIGATED:
            raise Over("It is mitigated already.")
        row.owner, row.missed = row.owner or by, 0
        row.state = IncidentState.MITIGATED
        wind_up(row, now)
        row.save()
        tell(row, EntryKind.MITIGATED, text, by=by, now=now, figures=figures)


def link(
    *,
    incident: Incident,
    by: Person,
    now: datetime,
    causes: Collection[Cause] = (),
    systems: Collection[System] = (),
    transactions: Collection[Transaction] = (),
) -> None:
    """Say what else belongs to it. Raises NotAllowed, WordMissing or Over."""
    names = [*map(str, causes), *map(str, systems), *(one.reference for one in transactions)]
    _need("".join(names))
    with _mine(incident, by, "link to incident", now) as row:
        row.causes.add(*causes)
        row.systems.add(*systems)
        row.transactions.add(*transactions)
        row.quiet_since = None
        row.save(update_fields=["quiet_since"])
        tell(row, EntryKind.LINKED, f"It belongs here: {', '.join(names)}", by=by, now=now)


def close(
    *, incident: Incident, note: str, by: Person, now: datetime, figures: Figures = ()
) -> None:
    """Resolve it, saying what it was, once it has been quiet for long enough. Raises NotAllowed,
    WordMissing, StillBroken or Over."""
    with _mine(incident, by, "close incident", now) as row:
        _need(note)
        if row.quiet_since is None or now - row.quiet_since < QUIET_FOR:
            raise StillBroken
        watch.resolve(row, by=by, note=note, now=now, figures=figures)


def review(*, incident: Incident, text: str, by: Person, now: datetime) -> None:
    """resolved → reviewed: what was learnt. What somebody adds later, or wrote at the same time,
    stands below it with their name. Raises NotAllowed, WordMissing or Over."""
    _require(by, "review incident", f"incident {incident.pk}", now)
    _need(text)
    with atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        if row.is_open:
            raise Over("Only a resolved incident is reviewed.")
        if row.state == IncidentState.REVIEWED:
            row.review = f"{row.review}\n\n{by}: {text[:4000]}"
        else:
            row.state, row.review = IncidentState.REVIEWED, text[:4000]
            row.reviewed_at, row.reviewed_by = now, by.username
        row.save()
        tell(row, EntryKind.REVIEWED, text, by=by, now=now)


@contextmanager
def _mine(incident: Incident, by: Person, verb: str, now: datetime) -> Iterator[Incident]:
    """The locked row of an open incident, for somebody who may lead it."""
    _require(by, verb, f"incident {incident.pk}", now)
    with atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        if not row.is_open:
            raise Over("It has been resolved meanwhile.")
        yield row


def _need(text: str) -> None:
    if not text.strip():
        raise WordMissing


def _require(by: Person, verb: str, subject: str, now: datetime) -> None:
    if not may(by, Right.LEAD_INCIDENT):
        audit.record(actor=by, verb=verb, subject=subject, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.LEAD_INCIDENT)} may do this.")
