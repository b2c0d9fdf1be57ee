"""Lets people pause a system."""

from __future__ import annotations

from datetime import datetime

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.systems import holding
from controltower.systems.models import Circuit, System, SystemQuerySet


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class ReasonMissing(Exception):
    """Pausing needs a reason."""


def pause(*, system: System, reason: str, by: Person, now: datetime) -> None:
    """Hold back every call to the system; work queues and nothing is lost."""
    _require(by, "pause system", system, now)
    if not reason.strip():
        raise ReasonMissing
    with atomic():
        System.objects.filter(pk=system.pk).update(
            paused_at=now, paused_by=by, pause_reason=reason[:300]
        )
        audit.record(
            actor=by,
            verb="pause system",
            subject=system.slug,
            allowed=True,
            now=now,
            detail={"reason": reason},
        )


def resume(*, system: System, by: Person, now: datetime) -> None:
    """Let calls through again."""
    _require(by, "resume system", system, now)
    with atomic():
        let_through(System.objects.filter(pk=system.pk), now=now)
        audit.record(actor=by, verb="resume system", subject=system.slug, allowed=True, now=now)


def let_through(paused: SystemQuerySet, *, now: datetime) -> None:
    """End the pause of these systems; a resting circuit, and a sign-in that was refused, are tested
    at once."""
    for system in paused.select_for_update():
        System.objects.filter(pk=system.pk).update(paused_at=None, paused_by=None, pause_reason="")
        System.objects.filter(pk=system.pk, circuit=Circuit.OPEN).update(retry_at=now)
        holding.release(system.connection)


def trip(*, system: System, reason: str, now: datetime) -> None:
    """The tower itself holds back every call to a system, until a person resumes it."""
    with atomic():
        held = System.objects.filter(pk=system.pk, paused_at__isnull=True)
        if held.update(paused_at=now, paused_by=None, pause_reason=reason[:300]):
            audit.record(
                actor="tower", verb="pause system", subject=system.slug, allowed=True, now=now,
                detail={"reason": reason},
            )  # fmt: skip


def _require(by: Person, verb: str, system: System, now: datetime) -> None:
    if not may(by, Right.PAUSE_SYSTEM):
        audit.record(actor=by, verb=verb, subject=system.slug, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.PAUSE_SYSTEM)} may do this.")
