"""What needs a person: dead letters, grouped by their business cause."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from controltower.systems.models import System
from controltower.transactions.models import Step, Transaction


class LetterState(models.TextChoices):
    OPEN = "open", "Open"
    ASSIGNED = "assigned", "Assigned"
    ON_HOLD = "on_hold", "On hold"
    REPAIR_PROPOSED = "repair_proposed", "Repair proposed"
    APPROVAL = "approval", "Waits for approval"
    REPLAYING = "replaying", "Being replayed"
    RESOLVED = "resolved", "Solved"
    REOPENED = "reopened", "Back again"


class Resolution(models.TextChoices):
    AUTO = "auto", "By itself"
    REPLAYED = "replayed", "Replayed"
    EDITED_COPY = "edited_copy", "Edited and replayed"
    FIXED_IN_TARGET = "fixed_in_target", "Solved elsewhere"
    DISCARDED = "discarded", "Discarded"


class CauseQuerySet(models.QuerySet["Cause"]):
    def awake(self, now: datetime) -> CauseQuerySet:
        """Neither snoozed nor parked."""
        return self.exclude(snoozed_until__gt=now).filter(parked_at__isnull=True)

    def snoozed(self, now: datetime) -> CauseQuerySet:
        """Put aside until a time, or until there is more of it."""
        return self.filter(snoozed_until__gt=now)

    def parked(self) -> CauseQuerySet:
        """Put aside until somebody takes it up."""
        return self.filter(parked_at__isnull=False)


class Cause(models.Model):
    """Why things are stuck: everything with one fingerprint (step, system, class, message), unless
    a person has decided otherwise (`Grouping`).

    One that is put aside wakes at its time, or sooner when that many transactions or that much
    money (major units of the reporting currency) are stuck by it; a parked one when it is taken up.
    `back_at` is when something was stuck by it again after all had been solved, until it is taken.
    """

    fingerprint = models.CharField(max_length=32, unique=True)
    title = models.CharField(max_length=240)
    system = models.ForeignKey(
        System, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    step_name = models.CharField(max_length=60)
    kind = models.CharField(max_length=20)
    owner_role = models.CharField(max_length=16)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(max_length=600, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    wake_at_count = models.PositiveIntegerField(null=True, blank=True)
    wake_at_value = models.DecimalField(max_digits=24, decimal_places=4, null=True, blank=True)
    parked_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    back_at = models.DateTimeField(null=True, blank=True)

    objects = CauseQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at", "-id"]

    def __str__(self) -> str:
        return self.title

    def is_aside(self, now: datetime) -> bool:
        """Whether it is snoozed or parked."""
        return self.parked_at is not None or (
            self.snoozed_until is not None and self.snoozed_until > now
        )


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    def open(self) -> DeadLetterQuerySet:
        """Not solved."""
        return self.exclude(state=LetterState.RESOLVED)


class DeadLetter(models.Model):
    """One stuck step. It stays the same letter when it comes back. `fingerprint` is the step's when
    its cause was last found."""

    step = models.OneToOneField(Step, on_delete=models.PROTECT, related_name="+")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+")
    cause = models.ForeignKey(
        Cause, on_delete=models.PROTECT, related_name="letters", db_index=False
    )
    fingerprint = models.CharField(max_length=32)
    state = models.CharField(max_length=16, choices=LetterState, default=LetterState.OPEN)
    resolution = models.CharField(max_length=16, choices=Resolution, blank=True)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    times = models.PositiveSmallIntegerField(default=1)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        ordering = ["opened_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="resolved") | Q(resolved_at__isnull=False),
                name="resolved_letters_say_when",
            )
        ]
        indexes = [
            models.Index(
                fields=["cause", "opened_at"],
                condition=~Q(state="resolved"),
                name="letters_open",
            ),
            models.Index(fields=["cause", "opened_at"], name="letters_by_day"),
            models.Index(fields=["resolved_at"], name="letters_resolved"),
            models.Index(
                fields=["cause", "-resolved_at", "-id"],
                condition=Q(state="resolved"),
                name="letters_solved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause}: {self.transaction_id}"
