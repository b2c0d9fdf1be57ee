"""Replay plans: a frozen selection, what would happen, its seal, and how far it has come."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from controltower.canonical.identity import new_id
from controltower.transactions.models.journey import Step, Transaction


class PlanState(models.TextChoices):
    DRAFT = "draft", "Being planned"
    PLANNED = "planned", "Planned"
    APPROVED = "approved", "Approved"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Done"
    WITH_FAILURES = "with_failures", "Done, some failed again"
    CANCELLED = "cancelled", "Stopped"
    STALE = "stale", "Out of date"


class Forecast(models.TextChoices):
    CREATE = "create", "Will be created"
    UPDATE = "update", "Will be updated"
    NO_OP = "no_op", "Nothing to do"
    ALREADY_THERE = "already_there", "Already there"
    SUPERSEDED = "superseded", "Superseded"
    WOULD_FAIL = "would_fail", "Would fail again"
    UNASKED = "unasked", "Asked at its turn"


class ItemState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    VERIFIED = "verified", "Verified"
    FAILED = "failed", "Failed again"
    UNKNOWN = "unknown", "In doubt"
    EXCLUDED = "excluded", "Left out"


class ReplayPlan(models.Model):
    """A replay of one or many steps. Approval and release are bound to `digest`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=200)
    selection = models.JSONField(default=dict)
    mapping_choice = models.CharField(max_length=4, default="now")
    state = models.CharField(max_length=14, choices=PlanState, default=PlanState.DRAFT)
    digest = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    needs_second_person = models.BooleanField(default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    stopped_because = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        indexes = [models.Index(fields=["-requested_at", "-id"], name="plans_by_time")]

    def __str__(self) -> str:
        return self.title


class ReplayItem(models.Model):
    """One step in a plan: its forecast, and then what came of it."""

    plan = models.ForeignKey(ReplayPlan, on_delete=models.CASCADE, related_name="items")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="replays")
    fence = models.PositiveIntegerField()
    forecast = models.CharField(max_length=14, choices=Forecast)
    why = models.CharField(max_length=600, blank=True)
    difference = models.JSONField(default=list)
    amount = models.DecimalField(max_digits=24, decimal_places=4)
    currency = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=ItemState, default=ItemState.WAITING)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    text = models.CharField(max_length=600, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["plan", "state", "id"], name="items_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["plan", "step"], name="one_item_per_step"),
            models.UniqueConstraint(
                fields=["step"],
                condition=models.Q(state="sent"),
                name="one_replay_in_flight_per_step",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step_id}: {self.state}"
