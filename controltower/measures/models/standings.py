"""What a measure of this moment stood at, day by day: of such there is no other history."""

from __future__ import annotations

from django.db import models


class Standing(models.Model):
    """A measure at the end of a UTC day (so far, of today's), by legal entity: how many records,
    worth what in the reporting currency. `entity` is 0 for what belongs to none; that row is there
    of every day that was looked at."""

    measure = models.CharField(max_length=60)
    day = models.DateField()
    entity = models.BigIntegerField()
    records = models.PositiveIntegerField()
    amount = models.DecimalField(max_digits=24, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["measure", "day", "entity"], name="one_standing_per_day_and_entity"
            )
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.day}"
