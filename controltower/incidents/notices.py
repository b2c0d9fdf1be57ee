"""Telling people of an incident: messages committed with the line of the timeline that causes them.

Whoever leads the incident is told, else everybody who has its role where it happens, and where that
role may not lead the operators, too; when nobody takes it the incident climbs to the next role
(`watch.miss`), and with it the messages. One line of the timeline is one message to a person and a
channel, whatever happens twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from controltower.firm.models import Person
from controltower.incidents.models import (
    Channel,
    EntryKind,
    Incident,
    IncidentEntry,
    Message,
    Severity,
    Wish,
)
from controltower.incidents.promises import takers

TOLD = {
    EntryKind.OPENED: "New incident",
    EntryKind.REOPENED: "Back again",
    EntryKind.SEVERITY: "Severity changed",
    EntryKind.MISSED: "Nobody has answered",
    EntryKind.HANDED: "Handed to you",
}
"""What people are told of, and how its message begins."""
GRAVITY = {
    Severity.HIGHEST: "Highest severity",
    Severity.HIGH: "High severity",
    Severity.MODERATE: "Moderate severity",
}


def announce(entry: IncidentEntry) -> None:
    """Write the messages of a line of the timeline, in its own database transaction."""
    incident = entry.incident
    if entry.kind not in TOLD:
        return
    subject = _subject(entry)
    Message.objects.bulk_create(
        [
            Message(
                name=f"entry-{entry.pk}-{person.pk}-{channel}", person=person, entry=entry,
                channel=channel, to=to, subject=subject, created_at=entry.at,
                due_at=after_quiet(wish, person, incident, entry.at),
            )
            for person, wish in _people(incident)
            for channel, to in ways(wish, person)
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _people(incident: Incident) -> Iterable[tuple[Person, Wish]]:
    """Who is told, with how they want it."""
    if incident.owner is not None:
        people = [incident.owner]
    else:
        with_role = Person.objects.filter(is_active=True, duties__role__in=takers(incident))
        people = [
            person
            for person in with_role.distinct().prefetch_related("duties__entity")
            if Incident.objects.visible_to(person).filter(pk=incident.pk).exists()
        ]
    wishes = {wish.person_id: wish for wish in Wish.objects.filter(person__in=people)}
    for person in people:
        wish = wishes.get(person.pk) or Wish(person=person)
        if wish.tickets or incident.severity != Severity.MODERATE:
            yield person, wish


def ways(wish: Wish, person: Person) -> Iterable[tuple[Channel, str]]:
    """By which ways somebody is reached."""
    if wish.mail and person.email:
        yield Channel.MAIL, person.email
    if wish.slack_channel:
        yield Channel.SLACK, wish.slack_channel


def after_quiet(wish: Wish, person: Person, incident: Incident, now: datetime) -> datetime:
    """When a message may go: now, or at the end of the person's quiet hours."""
    begins, ends = wish.quiet_from, wish.quiet_until
    if begins is None or ends is None or begins == ends:
        return now
    if wish.wakes and incident.severity == Severity.HIGHEST:
        return now
    local = now.astimezone(ZoneInfo(person.zone))
    if not _is_between(local.time(), begins, ends):
        return now
    day = local.date() + timedelta(days=1 if local.time() >= ends else 0)
    return datetime.combine(day, ends, tzinfo=ZoneInfo(person.zone))


def _is_between(at: time, begins: time, ends: time) -> bool:
    """Whether a time of day lies in a stretch that may go over midnight."""
    if begins < ends:
        return begins <= at < ends
    return at >= begins or at < ends


def _subject(entry: IncidentEntry) -> str:
    incident = entry.incident
    what = f"{TOLD[EntryKind(entry.kind)]}: {GRAVITY[Severity(incident.severity)]}"
    return f"{incident.name}: {what}: {incident.title}"[:200]
