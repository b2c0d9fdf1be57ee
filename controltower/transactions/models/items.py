"""The facts in a business transaction."""

from __future__ import annotations

from django.db import models

from controltower.transactions.models.events import InboundEvent
from controltower.transactions.models.journey import Transaction


class Item(models.Model):
    """A fact in a transaction. Each source record feeds one transaction of a process only."""

    transaction = models.ForeignKey(Transaction, on_delete=models.CASCADE, related_name="items")
    event = models.ForeignKey(InboundEvent, on_delete=models.PROTECT, related_name="items")
    process = models.CharField(max_length=60)
    source = models.CharField(max_length=60)
    source_id = models.CharField(max_length=120)
    version = models.CharField(max_length=60)
    record = models.JSONField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["process", "source", "source_id"], name="one_transaction_per_fact"
            )
        ]

    def __str__(self) -> str:
        return self.source_id
