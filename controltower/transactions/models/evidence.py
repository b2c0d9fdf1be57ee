"""What proves a journey: every attempt, what was delivered, and the timeline of it all."""

from __future__ import annotations

from typing import Any

from django.db import models

from controltower.canonical.identity import new_id
from controltower.mappings.models import MappingVersion
from controltower.systems.models import System
from controltower.transactions.models.journey import Step, Transaction
from controltower.transactions.protocol import Purpose, Tried


class Attempt(models.Model):
    """One call, recorded before it leaves: the intent, then what came of it.

    Partitioned by month along its id (docs/growth.md). A step's numbers are unique within a month
    by an index of each partition, and altogether because they are only given out under the lock
    of the step's transaction.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    step = models.ForeignKey(
        Step, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    number = models.PositiveIntegerField()
    purpose = models.CharField(max_length=10, choices=[(x.value, x.value) for x in Purpose])
    state = models.CharField(max_length=18, choices=[(x.value, x.value) for x in Tried])
    fence = models.PositiveIntegerField()
    generation = models.PositiveSmallIntegerField()
    idempotency_key = models.CharField(max_length=120, blank=True)
    mapping_version = models.ForeignKey(
        MappingVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    traceparent = models.CharField(max_length=55)
    payload = models.JSONField(default=dict)
    payload_digest = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    request = models.TextField(blank=True)
    response = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=20, blank=True)
    text = models.CharField(max_length=600, blank=True)

    class Meta:
        ordering = ["step", "number"]

    def __str__(self) -> str:
        return f"try {self.number} of {self.step_id}"


class Delivery(models.Model):
    """Proof that a key had one effect on a target (invariant I4)."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=120)
    generation = models.PositiveSmallIntegerField()
    ref = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["system", "idempotency_key", "generation"], name="one_effect_per_key"
            )
        ]
        indexes = [models.Index(fields=["system", "ref"], name="proofs_by_record")]

    def __str__(self) -> str:
        return f"{self.idempotency_key} → {self.ref}"


class TimelineEntry(models.Model):
    """What happened to a transaction, in order; written with the change it tells of.

    Partitioned by month along its id, which sorts as things happened (docs/growth.md).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transaction = models.ForeignKey(
        Transaction, on_delete=models.CASCADE, related_name="timeline", db_index=False
    )
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    step = models.CharField(max_length=60, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    text = models.CharField(max_length=600)
    detail: models.JSONField[Any, Any] = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "timeline entries"
        indexes = [models.Index(fields=["transaction", "id"], name="timeline_of")]

    def __str__(self) -> str:
        return self.text
