"""What the firm wants a measure to be, and who said so."""

from __future__ import annotations

from django.db import models

from controltower.firm.models import Person


class Target(models.Model):
    """One target for a measure, in the unit of its readings; the newest is in force, the others
    are how it came to be."""

    measure = models.CharField(max_length=60)
    value = models.DecimalField(max_digits=20, decimal_places=4)
    reason = models.CharField(max_length=300)
    set_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["-set_at", "-id"]
        indexes = [models.Index(fields=["measure", "-set_at", "-id"], name="targets_by_measure")]

    def __str__(self) -> str:
        return f"{self.measure} {self.value}"
