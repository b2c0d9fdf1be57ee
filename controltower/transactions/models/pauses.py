"""Promises whose clock a person has stopped, because a client is waited for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controltower.transactions.models.journey import Transaction


class Awaited(models.TextChoices):
    """What of the client is waited for."""

    PO_NUMBER = "po_number", "Waiting for the client: PO number"
    CONTRACT = "contract", "Waiting for the client: signed contract"
    VAT_NUMBER = "vat_number", "Waiting for the client: VAT number"
    ACCEPTANCE = "acceptance", "Waiting for the client: acceptance of the work"
    ANSWER = "answer", "Waiting for the client: an answer"


class Ended(models.TextChoices):
    """How a pause came to its end."""

    DATE = "date", "Its date came"
    FACT = "fact", "What was waited for arrived"
    PERSON = "person", "A person ended it"
    OVER = "over", "The transaction ended"


class PauseQuerySet(models.QuerySet["Pause"]):
    def open(self) -> PauseQuerySet:
        """Those that hold a clock now."""
        return self.filter(ended_at__isnull=True)


class Pause(models.Model):
    """A transaction's promise stands still from `at` on, at most `until`. `was` is what stood in
    the awaited field then; `evidence` a link to what shows that the client is waited for."""

    transaction = models.ForeignKey(Transaction, on_delete=models.CASCADE, related_name="pauses")
    awaits = models.CharField(max_length=12, choices=Awaited)
    note = models.CharField(max_length=300, blank=True)
    evidence = models.URLField(max_length=400)
    was = models.CharField(max_length=120, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=6, choices=Ended, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)

    objects = PauseQuerySet.as_manager()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"],
                condition=Q(ended_at__isnull=True),
                name="one_pause_at_a_time",
            ),
            models.CheckConstraint(condition=Q(until__gt=F("at")), name="a_pause_has_an_end"),
        ]

    def __str__(self) -> str:
        return f"{self.transaction_id}: {self.awaits}"
