"""What is stuck at this moment, asked once and cut as each region of a page needs it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Case, Value, When

from controltower.measures.exposure import Lateness, Parts, Scope, lateness, split, stakes, stuck

AGES = (
    ("Under 1 h", timedelta(hours=1)),
    ("1 to 4 h", timedelta(hours=4)),
    ("4 to 24 h", timedelta(hours=24)),
    ("1 to 3 days", timedelta(days=3)),
)
"""Bands of the time since something last moved, and what each stays below."""
OLDEST = "Over 3 days"
KEYS = ("process", "age", "lateness")


class HeldUp(Parts):
    """Stakes by `KEYS`: each stuck transaction is in exactly one of them."""

    def of_lateness(self) -> Lateness:
        """What is late, due today, and still in time."""
        return split(self.by("lateness"))

    def of_ages(self) -> Sequence[tuple[str, Lateness]]:
        """Every band of age with its lateness, the youngest first."""
        found = self.by("age", "lateness")
        return [(label, split(found, label)) for label in (*dict(AGES), OLDEST)]


def held_up(scope: Scope, now: datetime) -> HeldUp:
    """What waits for a person, as far as this one sees it."""
    rows = stuck(scope).annotate(age=age(now), lateness=lateness(now, scope.person.zone))
    return HeldUp(KEYS, stakes(rows, *KEYS))


def age(now: datetime) -> Case:
    """An expression for the band of a transaction's age."""
    bands = [When(changed_at__gt=now - below, then=Value(label)) for label, below in AGES]
    return Case(*bands, default=Value(OLDEST))
