"""Figures kept up to date by the database: sums over all transactions, however many have ended."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Kind(models.TextChoices):
    """What is added up.

    Standing: all transactions by state, wait and currency. Arrived: those verified, by the quarter
    of an hour in which they ended and by whether they had waited for a person, graded by whether
    they kept their promise; Day: the same by the UTC day. Pace: those verified with a promise, by
    the UTC day, graded by how long they took on a logarithmic scale. Span: the
    same of deals and invoices since the deal was closed, the work approved; `wait` is "clock" where
    nobody knows when, and the promise's clock counts. Billed: invoices and credit
    notes that are posted and read back, without tax, by the system in whose books they stand, their
    accounting month and the UTC day on which they were proven.
    """

    STANDING = "standing", "Standing"
    ARRIVED = "arrived", "Arrived"
    DAY = "day", "Day"
    PACE = "pace", "Pace"
    SPAN = "span", "Span"
    BILLED = "billed", "Billed"


class Sum(models.Model):
    """Some transactions with the same keys: how many, worth what in `currency` (major units).

    A key that does not apply to the kind is empty, 0 or 1970; `entity` is 0 where there is none.
    `month` is an accounting month ("2026-11").
    """

    kind = models.CharField(max_length=8, choices=Kind)
    process = models.CharField(max_length=60)
    entity = models.BigIntegerField()
    currency = models.CharField(max_length=10)
    state = models.CharField(max_length=20)
    wait = models.CharField(max_length=16)
    at = models.DateTimeField()
    grade = models.SmallIntegerField()
    system = models.BigIntegerField(db_default=0)
    month = models.CharField(max_length=7, db_default="")
    items = models.BigIntegerField()
    amount = models.DecimalField(max_digits=30, decimal_places=4)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.kind} {self.process} {self.items}"


class Rollup(Sum):
    """What has been folded so far."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "kind",
                    "at",
                    "process",
                    "entity",
                    "currency",
                    "state",
                    "wait",
                    "grade",
                    "system",
                    "month",
                ],
                name="one_rollup_per_key",
            )
        ]
        indexes = [
            models.Index(
                fields=["month", "system"], condition=Q(kind="billed"), name="rollup_billed"
            )
        ]


class Delta(Sum):
    """A change not folded yet: appended by a trigger in the commit of the change itself, so that
    two workers never wait for the same sum."""


class Figure(Sum):
    """Both together, a view: what holds at this moment."""

    class Meta:
        managed = False
        db_table = "measures_figure"
