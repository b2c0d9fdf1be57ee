"""Four eyes: who asked, who decided, and that it was exactly this."""

from __future__ import annotations

from datetime import datetime

from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Approval, Person


class SamePerson(Exception):
    """The requester may not decide their own request."""


class NotOpen(Exception):
    """The request was decided already, or is about something that has changed since."""


def request(*, subject: str, digest: str, by: Person, now: datetime, entity: str = "") -> Approval:
    """Ask for a second person's decision on what the digest seals; asking twice is one request."""
    with atomic():
        approval, created = Approval.objects.get_or_create(
            subject=subject,
            digest=digest,
            state=Approval.State.REQUESTED,
            defaults={"requested_by": by},
        )
        if created:
            audit.record(
                actor=by,
                verb="request approval",
                subject=subject,
                allowed=True,
                now=now,
                entity=entity,
                detail={"digest": digest},
            )
    return approval


def decide(
    *, approval: Approval, digest: str, by: Person, approve: bool, reason: str, now: datetime
) -> Approval:
    """Approve or refuse. Raises SamePerson (recorded as a denial) or NotOpen."""
    if approval.requested_by_id == by.pk:
        audit.record(
            actor=by,
            verb="approve",
            subject=approval.subject,
            allowed=False,
            now=now,
            detail={"why": "requester may not approve"},
        )
        raise SamePerson
    with atomic():
        state = Approval.State.APPROVED if approve else Approval.State.REFUSED
        changed = Approval.objects.filter(
            pk=approval.pk, state=Approval.State.REQUESTED, digest=digest
        ).update(state=state, decided_by=by, decided_at=now, reason=reason)
        if not changed:
            raise NotOpen
        audit.record(
            actor=by,
            verb="approve" if approve else "refuse approval",
            subject=approval.subject,
            allowed=True,
            now=now,
            detail={"digest": digest, "reason": reason},
        )
    approval.refresh_from_db()
    return approval


def granted(*, subject: str, digest: str) -> bool:
    """Whether exactly this has been approved by a second person."""
    return Approval.objects.filter(
        subject=subject, digest=digest, state=Approval.State.APPROVED
    ).exists()
