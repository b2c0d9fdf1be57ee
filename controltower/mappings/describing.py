"""The life of what is said of a system: proposed → in force or refused by two, or withdrawn.
Versions are kept.

It describes the system, or connects it by one of our connectors. What is put in force is the system
with its feeds and, of a described one, the rules by which a process's records are written to it, as
versions of mappings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from django.db.models import Max
from django.db.transaction import atomic

from controltower.canonical.verdicts import Effect
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.mappings import versions
from controltower.mappings.asking import Finding, asked
from controltower.mappings.models import Mapping
from controltower.systems import connected, described, establishing
from controltower.systems.models import Agreement, Description, Rehearsal, System
from controltower.systems.said import Said


class NotAllowed(Exception):
    """This person may not take this step; the text says why."""


class WrongState(Exception):
    """The version is no longer a proposal."""


class Acts(NamedTuple):
    """What is done with a version, as the audit trail calls it, and why its author may not."""

    propose: str
    test: str
    agree: str
    refuse: str
    withdraw: str
    not_by_author: str


DESCRIBES = Acts(
    "describe system", "test description", "put description in force",
    "refuse description", "withdraw description",
    "Who wrote a description may not put it in force.",
)  # fmt: skip
CONNECTS = Acts(
    "connect system", "test connection", "put connection in force",
    "refuse connection", "withdraw connection",
    "Who proposed a connection may not put it in force.",
)  # fmt: skip
FOLLOWS: list[Callable[[str, datetime], None]] = []
"""What follows for a part once a system that plays it is in force. Rooms above this one add theirs
when they start (`apps.py`)."""


def acts(document: Any) -> Acts:
    """What is done with such a document."""
    return CONNECTS if connected.is_setup(document) else DESCRIBES


def propose(*, document: Any, by: Person, now: datetime) -> Description:
    """Keep a new version. Raises NotAllowed (recorded as a denial) or BadDescription."""
    verb = acts(document).propose
    _require(by, Right.ADMINISTER, verb, "a system", now)
    slug = read(document).system.slug
    with atomic():
        last = Description.objects.filter(slug=slug).aggregate(last=Max("number"))["last"]
        version = Description.objects.create(
            slug=slug, number=(last or 0) + 1, document=document, author=by, created_at=now
        )
        _record(by, verb, version, now)
    return version


def read(document: Any) -> Said:
    """What a document says of a system. Raises BadDescription."""
    if connected.is_setup(document):
        return connected.read(document)
    return described.said(described.read(document, _faults_around), document)


def _faults_around(found: Any) -> list[str]:
    """What the description takes for granted of this tower, and should not."""
    wrong = []
    if System.objects.filter(slug=found.slug).exclude(connector=described.CONNECTOR).exists():
        wrong.append(f"slug: “{found.slug}” is a system with a connector of its own.")
    known = {one.needs.plays for one in connected.descriptors()}
    if found.role not in known:
        listed = ", ".join(sorted(known))
        wrong.append(f"role: there is no part “{found.role}” to play. Known are: {listed}.")
    wanted = {write.replaces for one in found.resources for write in one.writes if write.replaces}
    missing = sorted(wanted - set(Mapping.objects.values_list("slug", flat=True)))
    wrong += [f"writes: there is no mapping “{name}” to be replaced." for name in missing]
    return wrong + _verb_faults(found)


def _verb_faults(found: Any) -> list[str]:
    """A write that nobody here would ever ask for: of what other systems are asked to do with such
    a record, it is none."""
    offered = [one for kind in connected.descriptors() for one in kind.operations]
    asked_for = {(one.entity, one.verb) for one in offered if one.effect is not Effect.READ}
    wrong = []
    for resource in found.resources:
        verbs = sorted(verb for entity, verb in asked_for if entity == resource.entity)
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
    verb = acts(version.document).test
    _require(by, Right.ADMINISTER, verb, str(version), now)
    said = read(version.document)
    _record(by, verb, version, now)
    unset = connected.unset(version.document)
    found = [_unset(name) for name in unset] or async_to_sync(asked)(said)
    findings = [asdict(one) for one in found]
    return Rehearsal.objects.create(description=version, by=by, at=now, findings=findings)


def _unset(name: str) -> Finding:
    text = f"{name} is not set on this machine. Whoever runs it sets it and starts the tower anew."
    return Finding("Reading its variables", False, text)


def put_in_force(*, version: Description, by: Person, now: datetime) -> System:
    """proposed → in force; the version so far is retired. Raises NotAllowed for the author or a
    person without the right (recorded as denials), WrongState, or BadDescription."""
    verb = acts(version.document).agree
    _require_another(version, verb, by, now)
    said = read(version.document)
    with atomic():
        row = _proposed(version)
        Description.objects.filter(slug=row.slug, state=Agreement.ACTIVE).update(
            state=Agreement.RETIRED
        )
        row.state, row.decided_by, row.decided_at = Agreement.ACTIVE, by, now
        row.save(update_fields=["state", "decided_by", "decided_at"])
        system = establishing.establish(said, now)
        if said.described:
            _mappings(said.described, row, by, now)
        _record(by, verb, row, now)
        for follow in FOLLOWS:
            follow(system.role, now)
    return system


def refuse(*, version: Description, answer: str, by: Person, now: datetime) -> Description:
    """proposed → refused, with the reason. Raises NotAllowed for the author or a person without the
    right (recorded as denials), or WrongState."""
    verb = acts(version.document).refuse
    _require_another(version, verb, by, now)
    with atomic():
        row = _proposed(version)
        row.state, row.decided_by, row.decided_at = Agreement.REFUSED, by, now
        row.answer = answer[:300]
        row.save(update_fields=["state", "decided_by", "decided_at", "answer"])
        _record(by, verb, row, now)
    return row


def withdraw(*, version: Description, by: Person, now: datetime) -> Description:
    """proposed → withdrawn, by its author. Raises NotAllowed (recorded as a denial), WrongState."""
    verb = acts(version.document).withdraw
    if by.pk != version.author_id:
        audit.record(actor=by, verb=verb, subject=str(version), allowed=False, now=now)
        raise NotAllowed("Only who wrote a version may withdraw it.")
    with atomic():
        row = _proposed(version)
        row.state, row.decided_at = Agreement.WITHDRAWN, now
        row.save(update_fields=["state", "decided_at"])
        _record(by, verb, row, now)
    return row


def _proposed(version: Description) -> Description:
    """The version, locked while it is decided. Raises WrongState."""
    row = Description.objects.select_for_update().get(pk=version.pk)
    if row.state != Agreement.PROPOSED:
        raise WrongState(f"{row} is {row.get_state_display().lower()} already.")
    return row


def _require_another(version: Description, verb: str, by: Person, now: datetime) -> None:
    """Somebody who may decide, and did not write it."""
    if by.pk == version.author_id:
        audit.record(actor=by, verb=verb, subject=str(version), allowed=False, now=now)
        raise NotAllowed(acts(version.document).not_by_author)
    _require(by, Right.APPROVE_MAPPING, verb, str(version), now)


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


def _record(by: Person, verb: str, version: Description, now: datetime) -> None:
    audit.record(actor=by, verb=verb, subject=str(version), allowed=True, now=now)
