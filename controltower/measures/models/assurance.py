"""What the invariants' checks have found, and when."""

from __future__ import annotations

from django.db import models


class Check(models.Model):
    """The last look at one invariant, and when everything was looked at; empty until then.
    `trouble` says why a whole look came to nothing."""

    code = models.CharField(max_length=8, unique=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    whole_at = models.DateTimeField(null=True, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    breaches = models.JSONField(default=list)
    last_breach_at = models.DateTimeField(null=True, blank=True)
    position = models.CharField(max_length=100, blank=True)
    trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code
