"""The inbox: every event as it came, kept for ever, in exactly one state."""

from __future__ import annotations

from django.db import models

from controltower.canonical.identity import new_id


class EventState(models.TextChoices):
    RECEIVED = "received", "Received"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    QUARANTINED = "quarantined", "Quarantined"
    DUPLICATE = "duplicate", "Duplicate"
    SUPERSEDED = "superseded", "Superseded"


class InboundEvent(models.Model):
    """One fact as received. Unique per (source, event id): the Idempotent Receiver."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.CharField(max_length=60)
    event_id = models.CharField(max_length=200)
    type = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    version = models.CharField(max_length=60)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    raw = models.BinaryField()
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

    class Meta:
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="one_row_per_event")
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=models.Q(state="received"),
                name="events_to_interpret",
            ),
            models.Index(fields=["source", "subject", "version"], name="events_by_subject"),
            models.Index(
                fields=["-received_at"],
                condition=models.Q(state="quarantined"),
                name="events_set_aside",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"
