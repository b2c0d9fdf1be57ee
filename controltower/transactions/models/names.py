"""What people look a transaction up by: its keys, and the words of its title and client."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Reverse

from controltower.transactions.models.journey import Transaction


class BusinessKey(models.Model):
    """A name under which people look a transaction up: opportunity, project, invoice number…"""

    transaction = models.ForeignKey(
        Transaction, on_delete=models.CASCADE, related_name="keys", db_index=False
    )
    kind = models.CharField(max_length=30)
    value = models.CharField(max_length=120)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["transaction", "kind", "value"], name="one_key_each")
        ]
        indexes = [
            models.Index(fields=["value"], name="key_prefix", opclasses=["varchar_pattern_ops"]),
            models.Index(OpClass(Reverse("value"), "text_pattern_ops"), name="key_suffix"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class Words(models.Model):
    """What people type to find a transaction: its title and client, in capitals.

    Kept by a trigger and apart, so that the index over every three letters of it is written once
    for a transaction, and not with every step.
    """

    transaction = models.OneToOneField(
        Transaction, primary_key=True, on_delete=models.CASCADE, related_name="words"
    )
    text = models.TextField()

    class Meta:
        verbose_name_plural = "words"
        indexes = [GinIndex(fields=["text"], name="words_typed", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.text
