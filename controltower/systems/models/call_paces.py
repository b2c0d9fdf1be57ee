"""How long calls took, day by day, for longer than they themselves are kept."""

from __future__ import annotations

from django.db import models

RATIO = 1.08
"""A grade is this much longer than the one below: a time read from it is true to 4 %."""


class CallPace(models.Model):
    """Calls of a UTC day, to whichever system, whose milliseconds are of one `grade`; `lost` of
    them did not get through."""

    day = models.DateField()
    grade = models.PositiveSmallIntegerField()
    calls = models.PositiveBigIntegerField()
    lost = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "grade"], name="one_pace_per_day_and_grade")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.grade}"
