"""What people decide about interfaces: who owns one, what kind it is, and the next version of its
contract, which one proposes and another puts in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max
from django.db.transaction import atomic

from controltower.canonical import contracts
from controltower.canonical.contracts import Terms
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.systems.contracts import terms_of
from controltower.systems.models import (
    Agreement,
    Credential,
    Drift,
    Feed,
    Interface,
    InterfaceVersion,
    System,
)

LONGEST_AHEAD = timedelta(days=3660)


class NotAllowed(Exception):
    """This person may not take this step; the text says why."""


class WrongState(Exception):
    """The step makes no sense any more; the text says why."""


def declare(
    interface: Interface, schema: Mapping[str, Any], *, note: str, now: datetime, whole: bool = True
) -> InterfaceVersion | None:
    """The contract as the code of this release has it, with what was agreed beyond it: a version in
    force when it says anything new, else None. What is not the `whole` is added to the rest."""
    with atomic():
        Interface.objects.select_for_update().get(pk=interface.pk)
        active = interface.versions.filter(state=Agreement.ACTIVE).first()
        terms = Terms.of(active.terms) if active else Terms()
        wanted = contracts.with_terms(schema, terms)
        if active is not None:
            if not whole:
                wanted = contracts.with_terms(contracts.joined(active.schema, schema), terms)
            if not contracts.changes(active.schema, wanted):
                return None
            _retire(interface)
        made: InterfaceVersion = interface.versions.create(
            number=_next(interface), schema=wanted, terms=terms.as_json(), state=Agreement.ACTIVE,
            note=note, created_at=now, decided_at=now,
        )  # fmt: skip
    return made


def settle(
    *,
    interface: Interface,
    owner: Person | None,
    standing: str,
    note: str,
    by: Person,
    now: datetime,
) -> None:
    """Who owns it and what kind it is. Raises NotAllowed (recorded as a denial)."""
    _require(by, Right.EDIT_MAPPING, "settle interface", str(interface), now)
    with atomic():
        was = {"owner": str(interface.owner or ""), "standing": interface.standing}
        interface.owner, interface.standing, interface.note = owner, standing, note
        interface.save(update_fields=["owner", "standing", "note"])
        became = {"owner": str(owner or ""), "standing": standing, "note": note}
        _record(by, "settle interface", str(interface), now, {"was": was, "is": became})


def propose(
    *, drift: Drift, stands_for: str, note: str, by: Person, now: datetime
) -> InterfaceVersion:
    """Propose to live with a difference; `stands_for` is the known value that a new one means.

    Raises NotAllowed (recorded as a denial), or WrongState where nothing can be agreed on or
    another proposal waits.
    """
    interface = drift.interface
    _require(by, Right.EDIT_MAPPING, "propose contract", str(interface), now)
    difference = contracts.told(drift.sentence)
    with atomic():
        Interface.objects.select_for_update().get(pk=interface.pk)
        if interface.versions.filter(state=Agreement.PROPOSED).exists():
            raise WrongState("Another version of this contract waits to be decided first.")
        active = interface.versions.filter(state=Agreement.ACTIVE).first()
        schema: Mapping[str, Any] = active.schema if active else contracts.schema_of({})
        try:
            if difference is None:
                raise ValueError("It does not say what differs: the source must mend it.")
            terms = terms_of(interface.system, interface.entity).with_(difference, stands_for)
        except ValueError as problem:
            raise WrongState(str(problem)) from None
        known = contracts.known_values(schema, difference.place)
        if difference.remedy is contracts.Remedy.MAP and known and stands_for not in known:
            raise WrongState(f"“{stands_for}” is not an agreed value. Nothing was changed.")
        made: InterfaceVersion = interface.versions.create(
            number=_next(interface), schema=contracts.with_terms(schema, terms),
            terms=terms.as_json(), note=note, author=by, created_at=now,
        )  # fmt: skip
        Drift.objects.filter(pk=drift.pk).update(version=made)
        _record(by, "propose contract", str(made), now, {"terms": made.terms, "note": note})
    return made


def decide(*, version: InterfaceVersion, agree: bool, by: Person, now: datetime) -> None:
    """proposed → in force (and what comes is read by it from then on) or refused. Raises NotAllowed
    for the author or a person without the right (recorded as denials), or WrongState."""
    verb = "agree contract" if agree else "reject contract"
    if by.pk == version.author_id:
        audit.record(actor=by, verb=verb, subject=str(version), allowed=False, now=now)
        raise NotAllowed("Who proposed a version may not decide on it.")
    _require(by, Right.APPROVE_MAPPING, verb, str(version), now)
    interface = version.interface
    with atomic():
        system = System.objects.select_for_update().get(pk=interface.system_id)
        row = _proposed(version)
        row.decided_by, row.decided_at = by, now
        row.state = Agreement.ACTIVE if agree else Agreement.REFUSED
        if agree:
            _retire(interface)
            system.terms = {**system.terms, interface.entity: row.terms}
            system.save(update_fields=["terms"])
            Feed.objects.filter(system=system, entity=interface.entity).update(due_at=now)
        row.save(update_fields=["state", "decided_by", "decided_at"])
        _record(by, verb, str(row), now, {"terms": row.terms})


def withdraw(*, version: InterfaceVersion, by: Person, now: datetime) -> None:
    """proposed → withdrawn, by its author, so that another can be proposed. Raises NotAllowed
    (recorded as a denial) for anybody else, or WrongState."""
    verb = "withdraw contract"
    if by.pk != version.author_id:
        audit.record(actor=by, verb=verb, subject=str(version), allowed=False, now=now)
        raise NotAllowed("Only who proposed a version may withdraw it.")
    with atomic():
        row = _proposed(version)
        row.state, row.decided_at = Agreement.WITHDRAWN, now
        row.save(update_fields=["state", "decided_at"])
        _record(by, verb, str(row), now, {"terms": row.terms})


def _proposed(version: InterfaceVersion) -> InterfaceVersion:
    """The version, locked while it is decided. Raises WrongState."""
    row = InterfaceVersion.objects.select_for_update().get(pk=version.pk)
    if row.state != Agreement.PROPOSED:
        raise WrongState(f"{row} is {row.get_state_display().lower()} already.")
    return row


def note_expiry(
    *, system: System, name: str, expires_at: datetime, by: Person, now: datetime
) -> None:
    """When a credential that cannot say so itself runs out. Raises NotAllowed (recorded as a
    denial), or WrongState for a time that cannot be meant or a credential that is not there."""
    _require(by, Right.ADMINISTER, "note expiry", f"{system}: {name}", now)
    if name not in system.secrets:
        raise WrongState(f"{system} has no credential “{name}”. Nothing was changed.")
    if not now - LONGEST_AHEAD < expires_at < now + LONGEST_AHEAD:
        raise WrongState("That is more than ten years away. Nothing was changed.")
    with atomic():
        Credential.objects.update_or_create(
            system=system, name=name,
            defaults={
                "expires_at": expires_at, "source": Credential.Source.PERSON, "noted_by": by,
                "noted_at": now,
            },
        )  # fmt: skip
        detail = {"expires_at": expires_at.isoformat()}
        _record(by, "note expiry", f"{system}: {name}", now, detail)


def _retire(interface: Interface) -> None:
    interface.versions.filter(state=Agreement.ACTIVE).update(state=Agreement.RETIRED)


def _next(interface: Interface) -> int:
    last: int | None = interface.versions.aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _require(by: Person, right: Right, verb: str, subject: str, now: datetime) -> None:
    if not may(by, right):
        audit.record(actor=by, verb=verb, subject=subject, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(right)} may do this.")


def _record(by: Person, verb: str, subject: str, now: datetime, detail: dict[str, Any]) -> None:
    audit.record(actor=by, verb=verb, subject=subject, allowed=True, now=now, detail=detail)
