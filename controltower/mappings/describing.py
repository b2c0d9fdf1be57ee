"""The life of a described system: proposed → in force, by two people; versions are kept.

What is put in force is the system with its feeds, and the rules by which a process's records are
written to it, as versions of mappings.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.db.models import Max
from django.db.transaction import atomic

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.personal import of_record
from controltower.canonical.verdicts import Done, Effect
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.mappings import versions
from controltower.mappings.models import Mapping
from controltower.systems import calls, described
from controltower.systems.doors import Doors
from controltower.systems.models import Agreement, Description, Feed, Rehearsal, Route, System

SAMPLE, MOST_PAGES = 5, 20
NOTHING = "Nothing that changed lately is what its event is meant for."
SINCE = date(2020, 1, 1)


class NotAllowed(Exception):
    """This person may not take this step; the text says why."""


class WrongState(Exception):
    """The version is no longer a proposal."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one question to the system."""

    question: str
    is_good: bool
    text: str


def propose(*, document: Any, by: Person, now: datetime) -> Description:
    """Keep a new version. Raises NotAllowed (recorded as a denial) or BadDescription."""
    _require(by, Right.ADMINISTER, "describe system", "a system", now)
    found = described.read(document, _faults_around)
    with atomic():
        last = Description.objects.filter(slug=found.slug).aggregate(last=Max("number"))["last"]
        version = Description.objects.create(
            slug=found.slug, number=(last or 0) + 1, document=document, author=by, created_at=now
        )
        _record(by, "describe system", version, now)
    return version


def _faults_around(found: Any) -> list[str]:
    """What the description takes for granted of this tower, and should not."""
    wrong = []
    if System.objects.filter(slug=found.slug).exclude(connector=described.CONNECTOR).exists():
        wrong.append(f"slug: “{found.slug}” is a system with a connector of its own.")
    if not System.objects.filter(role=found.role).exists():
        known = ", ".join(sorted(set(System.objects.values_list("role", flat=True))))
        wrong.append(f"role: no system here is “{found.role}”. Known are: {known}.")
    wanted = {write.replaces for one in found.resources for write in one.writes if write.replaces}
    missing = sorted(wanted - set(Mapping.objects.values_list("slug", flat=True)))
    wrong += [f"writes: there is no mapping “{name}” to be replaced." for name in missing]
    return wrong + _verb_faults(found)


def _verb_faults(found: Any) -> list[str]:
    """A write that nobody here would ever ask for: of what other systems are asked to do with such
    a record, it is none."""
    others = System.objects.exclude(connector=described.CONNECTOR)
    offered = [one for row in others for one in calls.descriptor(row).operations]
    asked = {(one.entity, one.verb) for one in offered if one.effect is not Effect.READ}
    wrong = []
    for resource in found.resources:
        verbs = sorted(verb for entity, verb in asked if entity == resource.entity)
        unknown = [one.verb for one in resource.writes if verbs and one.verb not in verbs]
        wrong += [
            f"writes: nobody asks a system to “{verb}” {resource.entity}. Known are: "
            f"{', '.join(verbs)}."
            for verb in unknown
        ]
    return wrong


def rehearse(*, version: Description, by: Person, now: datetime) -> Rehearsal:
    """Ask the system, reading only: does it let us in, and can what it lists be read? What came of
    it is kept for whoever decides. Raises NotAllowed (recorded as a denial) or BadDescription."""
    _require(by, Right.ADMINISTER, "test description", str(version), now)
    found = described.read(version.document)
    _record(by, "test description", version, now)
    findings = [asdict(one) for one in async_to_sync(_asked)(found, version)]
    return Rehearsal.objects.create(description=version, by=by, at=now, findings=findings)


async def _asked(found: Any, version: Description) -> list[Finding]:
    door = Doors().of(described.row(found, version.document))
    try:
        verdict = await door.health()
        lists = [one.entity for one in found.resources if one.list and isinstance(verdict, Done)]
        read = [await _listed(door, entity) for entity in lists]
        return [_finding("Signing in", verdict), *read]
    finally:
        await door.connector.close()


async def _listed(door: calls.Door, entity: str) -> Finding:
    """What a list shows, page by page until there is something; a row that cannot be read is a
    fault, though reading would go on without it."""
    question = f"Reading {entity}"
    try:
        page = await door.read_changes(entity, "", SAMPLE)
        for _further in range(MOST_PAGES):
            if page.changes or page.aside or not page.has_more:
                break
            page = await door.read_changes(entity, page.next_cursor, SAMPLE)
    except calls.CallFailed as failure:
        return _finding(question, failure.verdict)
    if page.aside:
        return Finding(question, False, f"A row cannot be read: {page.aside[0].reason}.")
    names = ", ".join(called(change.event) for change in page.changes)
    more = " and more" if page.has_more else ""
    return Finding(question, True, f"{names}{more}" if names else NOTHING)


def called(event: CanonicalEvent) -> str:
    """What a record is told by: its name, but for those of people."""
    name = event.record.name
    personal = any(of_record(type(event.record).__name__, {"name": name}))
    return event.subject if personal else name or event.subject


def _finding(question: str, verdict: Any) -> Finding:
    if isinstance(verdict, Done):
        return Finding(question, True, "It lets us in and answers.")
    return Finding(question, False, str(getattr(verdict, "text", "")) or type(verdict).__name__)


def put_in_force(*, version: Description, by: Person, now: datetime) -> System:
    """proposed → in force; the version so far is retired. Raises NotAllowed for the author or a
    person without the right (recorded as denials), WrongState, or BadDescription."""
    if by.pk == version.author_id:
        _deny(by, "put description in force", version, now)
        raise NotAllowed("Who wrote a description may not put it in force.")
    _require(by, Right.APPROVE_MAPPING, "put description in force", str(version), now)
    found = described.read(version.document, _faults_around)
    with atomic():
        row = Description.objects.select_for_update().get(pk=version.pk)
        if row.state != Agreement.PROPOSED:
            raise WrongState(f"{row} is {row.get_state_display().lower()} already.")
        Description.objects.filter(slug=row.slug, state=Agreement.ACTIVE).update(
            state=Agreement.RETIRED
        )
        row.state, row.decided_by, row.decided_at = Agreement.ACTIVE, by, now
        row.save(update_fields=["state", "decided_by", "decided_at"])
        system = _system(found, row, now)
        _mappings(found, row, by, now)
        _record(by, "put description in force", row, now)
    return system


def _system(found: Any, version: Description, now: datetime) -> System:
    """The system and its feeds. Whoever played its part alone until now goes on doing so for facts
    of others."""
    alone = System.objects.filter(role=found.role, active=True).exclude(slug=found.slug)
    if alone.count() == 1 and not Route.objects.filter(role=found.role).exists():
        Route.objects.create(role=found.role, system=alone.get(), starts_on=SINCE)
    wanted = described.row(found, version.document)
    system, _ = System.objects.update_or_create(
        slug=found.slug, defaults={name: getattr(wanted, name) for name in described.SAID}
    )
    listed = {one.entity: one.list.every_seconds for one in found.resources if one.list}
    system.feeds.exclude(entity__in=listed).delete()
    for entity, seconds in listed.items():
        Feed.objects.update_or_create(
            system=system, entity=entity, defaults={"every_seconds": seconds, "due_at": now}
        )
    return system


def _mappings(found: Any, version: Description, by: Person, now: datetime) -> None:
    """The system's own rules, in place of a process's mapping."""
    for one in found.resources:
        for write in one.writes:
            if not write.replaces:
                continue
            general = Mapping.objects.get(slug=write.replaces)
            own, _ = Mapping.objects.get_or_create(
                slug=f"{write.replaces}-for-{found.slug}",
                defaults={
                    "title": f"{general.title} ({found.title})",
                    "record": general.record,
                    "target": general.target,
                    "moves_money": general.moves_money,
                },
            )
            versions.adopt(
                mapping=own, rules=write.fields, note=f"With the description {version}.",
                author=version.author, reviewer=by, now=now,
            )  # fmt: skip


def _require(by: Person, right: Right, verb: str, subject: str, now: datetime) -> None:
    if not may(by, right):
        audit.record(actor=by, verb=verb, subject=subject, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(right)} may do this.")


def _deny(by: Person, verb: str, version: Description, now: datetime) -> None:
    audit.record(actor=by, verb=verb, subject=str(version), allowed=False, now=now)


def _record(by: Person, verb: str, version: Description, now: datetime) -> None:
    audit.record(actor=by, verb=verb, subject=str(version), allowed=True, now=now)
