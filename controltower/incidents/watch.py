"""Incidents: opened by the tower at the first breach of a rule, kept while it lasts, taken and
closed by people or by the rule holding again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person, Role
from controltower.firm.rights import Right, may, who_grants
from controltower.incidents.models import Incident
from controltower.systems import upkeep
from controltower.systems.models import System
from controltower.transactions import bell

TOWER = "tower"


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class StillBroken(Exception):
    """The rule does not hold yet, so that its incident cannot be closed."""


class NoteMissing(Exception):
    """Closing needs a word on what it was."""


def report(
    *, subject: str, title: str, affected: Sequence[str], halt: Sequence[System], now: datetime
) -> Incident:
    """A rule is broken: open its incident, or note that it still is. Systems in `halt` are not
    called on until a person resumes them, and not again for the same breach."""
    with atomic():
        incident, opened = Incident.objects.select_for_update().get_or_create(
            subject=subject,
            closed_at=None,
            defaults={
                "title": title,
                "severity": "high",
                "owner_role": Role.OPERATOR,
                "affected": list(affected),
                "opened_at": now,
                "seen_at": now,
            },
        )
        if opened:
            _audit(TOWER, "open incident", incident, now)
        if opened or set(affected) - set(incident.affected):
            for system in halt:
                reason = f"Incident {incident.pk}: {title}. Resume once it is understood."
                upkeep.trip(system=system, reason=reason, now=now)
            bell.ring("incidents", "systems", "tower")
        incident.halted = sorted({*incident.halted, *(system.slug for system in halt)})
        incident.severity = "highest" if incident.halted else "high"
        incident.affected, incident.seen_at = list(affected), now
        incident.save()
    return incident


def holds(*, subject: str, now: datetime) -> None:
    """The rule holds: an incident that has halted nothing closes by itself; one that has is left
    to a person, who must say what it was."""
    with atomic():
        incident = (
            Incident.objects.select_for_update().filter(subject=subject, closed_at=None).first()
        )
        if incident is None:
            return
        if incident.halted:
            if incident.affected:
                incident.affected = []
                incident.save(update_fields=["affected"])
                bell.ring("incidents")
            return
        _end(incident, by=TOWER, note="It holds again.", now=now)


def take(*, incident: Incident, by: Person, now: datetime) -> None:
    """Become the incident's owner. Raises NotAllowed."""
    _require(incident, by, "take incident", now)
    with atomic():
        Incident.objects.filter(pk=incident.pk).update(owner=by)
        _audit(by, "take incident", incident, now)
        bell.ring("incidents")


def close(*, incident: Incident, note: str, by: Person, now: datetime) -> None:
    """Close an incident whose rule holds again, saying what it was. Raises NotAllowed,
    NoteMissing or StillBroken."""
    _require(incident, by, "close incident", now)
    if not note.strip():
        raise NoteMissing
    with atomic():
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        if row.affected:
            raise StillBroken
        if row.closed_at is None:
            _end(row, by=by, note=note, now=now)


def _end(incident: Incident, *, by: Person | str, note: str, now: datetime) -> None:
    incident.closed_at, incident.note = now, note[:600]
    incident.closed_by = by if isinstance(by, str) else by.username
    incident.save(update_fields=["closed_at", "closed_by", "note"])
    _audit(by, "close incident", incident, now)
    bell.ring("incidents", "tower")


def _require(incident: Incident, by: Person, verb: str, now: datetime) -> None:
    if not may(by, Right.PAUSE_SYSTEM):
        audit.record(actor=by, verb=verb, subject=_name(incident), allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.PAUSE_SYSTEM)} may do this.")


def _audit(by: Person | str, verb: str, incident: Incident, now: datetime) -> None:
    detail = {"title": incident.title, "halted": incident.halted, "note": incident.note}
    audit.record(actor=by, verb=verb, subject=_name(incident), allowed=True, now=now, detail=detail)


def _name(incident: Incident) -> str:
    return f"incident {incident.pk}"
