"""The inbox: every event, kept for ever, in exactly one state; its body for as long as agreed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controltower.canonical.identity import new_id
from controltower.firm.models import PolicyVersion


class EventState(models.TextChoices):
    RECEIVED = "received", "Received"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    QUARANTINED = "quarantined", "Quarantined"
    DUPLICATE = "duplicate", "Duplicate"
    SUPERSEDED = "superseded", "Superseded"


READ = (EventState.ACCEPTED, EventState.REJECTED, EventState.DUPLICATE, EventState.SUPERSEDED)
"""Nobody has to read the event's body any more."""


class Removal(models.Model):
    """A set of bodies that were removed at once, by the policy of so many days; without a version
    of it, by what was set for the tower. What is left of each is sealed in the audit chain."""

    at = models.DateTimeField()
    kept_days = models.PositiveIntegerField()
    version = models.ForeignKey(
        PolicyVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    bodies = models.PositiveIntegerField()
    received_until = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"bodies {self.pk}"


class BodyRemoved(Exception):
    """What an `event` said word for word is not kept any more."""

    def __init__(self, event: InboundEvent) -> None:
        super().__init__(f"The body of {event} was removed.")
        self.event = event


class InboundEvent(models.Model):
    """One fact as received. Unique per (source, event id): the Idempotent Receiver.

    `raw` is its body, None once a `removal` took it; `digest` is the body's SHA-256 for ever.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.CharField(max_length=60)
    event_id = models.CharField(max_length=200)
    type = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    version = models.CharField(max_length=60)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    raw = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)
    signature = models.CharField(max_length=20)
    record_kind = models.CharField(max_length=40)
    record = models.JSONField()
    keys = models.JSONField(default=list)
    correlation_id = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=12, choices=EventState, default=EventState.RECEIVED)
    reason = models.CharField(max_length=400, blank=True)
    deaths = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    removal = models.ForeignKey(
        Removal, null=True, on_delete=models.PROTECT, related_name="events", db_index=False
    )

    class Meta:
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="one_row_per_event"),
            models.CheckConstraint(
                condition=Q(removal=None, raw__isnull=False)
                | Q(removal__isnull=False, raw=None, state__in=READ),
                name="body_kept_or_removed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(state="received"),
                name="events_to_interpret",
            ),
            models.Index(fields=["source", "subject", "version"], name="events_by_subject"),
            models.Index(
                fields=["-received_at"],
                condition=Q(state="quarantined"),
                name="events_set_aside",
            ),
            models.Index(
                fields=["received_at", "id"],
                condition=Q(state__in=READ, removal=None),
                name="events_with_bodies",
            ),
            models.Index(
                fields=["removal"],
                condition=Q(removal__isnull=False),
                name="events_by_removal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"

    @property
    def body(self) -> bytes:
        """What was received, as it came. Raises BodyRemoved."""
        if self.raw is None:
            raise BodyRemoved(self)
        return bytes(self.raw)
