"""Telling people of an incident: messages committed with the line of the timeline that causes them.

Whoever leads the incident is told, else everybody who has its role where it happens, and where that
role may not lead the operators, too; when nobody takes it the incident climbs to the next role
(`watch.miss`), and with it the messages. Who is named lead or deputy, and who leads no longer, is
told of that by name (`tell_named`). One line of the timeline is one message to a person and a
channel, whatever happens twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
}
"""What people are told of, and how its message begins."""
LEADS, STANDS_BY, RELIEVED = "You lead it now", "You are its deputy", "You lead it no longer"
"""The same for those who are named."""
UPDATE_DUE = "The update is due"
"""The same for an update that did not come from who leads."""
HALTED, AT_HAND, DONE = (
    "Its runbook has halted",
    "Its runbook is at a step that needs you",
    "Its runbook is done",
)
"""The same for who leads, of a run that the tower has moved on by itself."""
GRAVITY = {
    Severity.HIGHEST: "Highest severity",
    Severity.HIGH: "High severity",
    Severity.MODERATE: "Moderate severity",
}


def announce(entry: IncidentEntry) -> None:
    """Write the messages of a line of the timeline, in its own database transaction."""
    if begins := TOLD.get(EntryKind(entry.kind)):
        if entry.kind == EntryKind.MISSED and entry.incident.owner is not None:
            begins = UPDATE_DUE
        _write(entry, [(person, wish, begins) for person, wish in _people(entry.incident)])


def tell_named(entry: IncidentEntry, named: Mapping[Person, str]) -> None:
    """Tell each of these what they are from this line of the timeline on, however grave it is; save
    whoever has written it."""
    wishes = {wish.person_id: wish for wish in Wish.objects.filter(person__in=named)}
    _write(
        entry,
        [
            (person, wishes.get(person.pk) or Wish(person=person), begins)
            for person, begins in named.items()
            if person.is_active and person.username != entry.actor
        ],
    )


def _write(entry: IncidentEntry, told: Iterable[tuple[Person, Wish, str]]) -> None:
    gravest = entry.incident.severity == Severity.HIGHEST
    Message.objects.bulk_create(
        [
            Message(
                name=f"entry-{entry.pk}-{person.pk}-{channel}", person=person, entry=entry,
                channel=channel, to=to, subject=_subject(entry.incident, begins),
                created_at=entry.at, held=due > entry.at, due_at=due,
            )
            for person, wish, begins in told
            for due in [after_quiet(wish, person, entry.at, wakes=gravest)]
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


def heard_at(incident: Incident, now: datetime) -> datetime:
    """When the first of those who are told hears of it: now, or below the highest severity at the
    end of the quiet hours that all of them have."""
    if incident.severity == Severity.HIGHEST:
        return now
    told = _people(incident)
    return min((after_quiet(wish, one, now, wakes=False) for one, wish in told), default=now)


def ways(wish: Wish, person: Person) -> Iterable[tuple[Channel, str]]:
    """By which ways somebody is reached."""
    if wish.mail and person.email:
        yield Channel.MAIL, person.email
    if wish.slack_channel:
        yield Channel.SLACK, wish.slack_channel
    if wish.teams_team:
        yield Channel.TEAMS, wish.teams_team


def after_quiet(wish: Wish, person: Person, now: datetime, *, wakes: bool) -> datetime:
    """When a message may go: now, or at the end of the person's quiet hours; one that `wakes` does
    not wait for who wants to be woken."""
    begins, ends = wish.quiet_from, wish.quiet_until
    if begins is None or ends is None or begins == ends:
        return now
    if wish.wakes and wakes:
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


def _subject(incident: Incident, begins: str) -> str:
    what = f"{begins}: {GRAVITY[Severity(incident.severity)]}"
    return f"{incident.name}: {what}: {incident.title}"[:200]
