"""What somebody has yet to be told of."""

from __future__ import annotations

from django.db import models

from controltower.transactions.models.journey import Transaction


class Listening(models.Model):
    """An audience (by its source) that is told: whatever comes to its end is owed to it."""

    audience = models.CharField(max_length=60, unique=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.audience


class Untold(models.Model):
    """A transaction at its end of which an audience (by its source) has not been told: written by
    the commit that brings it there, gone with the commit that tells it."""

    audience = models.CharField(max_length=60)
    transaction = models.ForeignKey(
        Transaction, on_delete=models.CASCADE, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["audience", "id"], name="untold_by_audience")]

    def __str__(self) -> str:
        return f"{self.transaction_id} to {self.audience}"
