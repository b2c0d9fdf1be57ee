"""What the invariants' checks have found, and when."""

from __future__ import annotations

from django.db import models


class Check(models.Model):
    """The last look at one invariant, and how far the pass over the whole books has come.

    `held_at` is the last look that found nothing broken; what has happened since is looked at.
    A pass goes from `position` on ("" at its beginning), over what was there at `began_at`;
    `whole_at` is the end of the last one. `trouble` says why a look came to nothing.
    """

    code = models.CharField(max_length=8, unique=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    began_at = models.DateTimeField(null=True, blank=True)
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
