"""What must follow: a row for every milestone that a chain is expected to reach, or has reached."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Model, Q

from controltower.transactions.models.events import InboundEvent
from controltower.transactions.models.journey import Transaction
from controltower.transactions.models.states import TERMINAL


def _one(to: type[Model], on_delete: Callable[..., None]) -> models.ForeignKey[Any, Any]:
    """At most one such row, which is never looked for from its own side."""
    return models.ForeignKey(
        to, on_delete=on_delete, null=True, blank=True, related_name="+", db_index=False
    )


class ExpectationQuerySet(models.QuerySet["Expectation"]):
    def overdue(self, now: datetime) -> ExpectationQuerySet:
        """Beyond their time, and nobody has been told yet."""
        return self.filter(met_at__isnull=True, watch__isnull=True, due_at__lt=now)

    def settled(self) -> ExpectationQuerySet:
        """Somebody was told, and there is nothing to wait for any more: the fact has arrived, or
        a person has ended the wait."""
        told = self.filter(watch__isnull=False, closed_at__isnull=True)
        return told.filter(Q(met_at__isnull=False) | Q(watch__state__in=TERMINAL))


class Expectation(models.Model):
    """A milestone of a chain: expected by `due_at`, owned by a role, met by a transaction or an
    event. One that is met before anything expects it has no due time.

    `about` is the reference of the transaction that alone expects it, "" for the whole chain.
    `watch` is the transaction that stands for its absence once it is overdue; when that ends
    (`closed_at`) though nothing has come, a person has waived it. Times UTC.
    """

    correlation_id = models.CharField(max_length=60)
    milestone = models.CharField(max_length=30)
    about = models.CharField(max_length=40, blank=True)
    owner_role = models.CharField(max_length=20, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    set_by = _one(Transaction, models.CASCADE)
    set_by_event = _one(InboundEvent, models.PROTECT)
    met_at = models.DateTimeField(null=True, blank=True)
    met_by = _one(Transaction, models.CASCADE)
    met_by_event = _one(InboundEvent, models.PROTECT)
    watch = _one(Transaction, models.CASCADE)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = ExpectationQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["correlation_id", "milestone", "about"], name="one_expectation_each"
            ),
            models.CheckConstraint(
                condition=Q(met_at__isnull=False) | Q(due_at__isnull=False) & ~Q(owner_role=""),
                name="open_expectations_have_due_and_owner",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(met_at__isnull=True, watch__isnull=True),
                name="expectations_due",
            ),
            models.Index(
                fields=["watch"],
                condition=Q(watch__isnull=False, closed_at__isnull=True),
                name="expectations_watched",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.milestone} of {self.correlation_id}"

    @property
    def is_waived(self) -> bool:
        """Whether a person has ended the wait."""
        return self.closed_at is not None and self.met_at is None
