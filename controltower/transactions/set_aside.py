"""Events that could not become transactions: kept whole, shown to people, read again on request."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.transaction import atomic

from controltower import queues
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, entities_of, may, who_grants
from controltower.transactions import bell
from controltower.transactions.intake import UNREAD
from controltower.transactions.models import BodyRemoved, EventState, InboundEvent


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


def visible_to(person: Person) -> QuerySet[InboundEvent]:
    """Quarantined events of the person's entities; what names none is for firm-wide eyes."""
    events = InboundEvent.objects.filter(state=EventState.QUARANTINED).order_by("-received_at")
    return _of_companies(events, person)


def removed_for(person: Person) -> QuerySet[InboundEvent]:
    """Events of the person's entities whose body is gone: nobody can read them again."""
    return _of_companies(InboundEvent.objects.filter(removal__isnull=False), person)


def _of_companies(events: QuerySet[InboundEvent], person: Person) -> QuerySet[InboundEvent]:
    codes = entities_of(person)
    if codes is None:
        return events
    named = Q(record__entity__in=codes) | Q(record__project__entity__in=codes)
    return events.filter(named)


def read_again(*, event: UUID, by: Person, now: datetime) -> bool:
    """quarantined → received, with its deaths forgotten; False when it was read meanwhile, or is a
    row of which nothing could be read: only its source can put that right.

    Raises NotAllowed (recorded as a denial), or BodyRemoved where nothing is left to be read.
    """
    subject = f"event {event}"
    if not may(by, Right.REPLAY):
        audit.record(actor=by, verb="read event again", subject=subject, allowed=False, now=now)
        raise NotAllowed(f"Only the {who_grants(Right.REPLAY)} may do this.")
    if gone := removed_for(by).filter(pk=event).select_related("removal").first():
        raise BodyRemoved(gone)
    with atomic():
        moved = (
            visible_to(by)
            .filter(pk=event)
            .exclude(type=UNREAD)
            .update(state=EventState.RECEIVED, reason="", deaths=0, due_at=now)
        )
        if moved:
            audit.record(actor=by, verb="read event again", subject=subject, allowed=True, now=now)
            queues.ring(queues.INTAKE, "interpret")
            bell.ring("exceptions", "tower")
    return bool(moved)
