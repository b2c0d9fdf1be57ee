"""How much of a process's time a person has taken out of its promise, because a client was waited
for: it is in none of the promise's figures, so its share is told beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, DurationField, ExpressionWrapper, F, Sum

from controltower.measures.exposure import Scope, transactions
from controltower.measures.promises import ALL, ended
from controltower.transactions.models import Pause


@dataclass(frozen=True, slots=True)
class Paused:
    """`standing` clocks are held now; of the `ended` transactions that the last 30 days count,
    so many were paused, for `time` together that is not counted."""

    standing: int
    ended: int
    time: timedelta


LASTED = ExpressionWrapper(F("ended_at") - F("at"), output_field=DurationField())


def paused(scope: Scope, process: str, now: datetime) -> Paused:
    """What of a process was paused."""
    rows = transactions(scope).filter(process=process)
    counted = ended(rows, ALL, now, scope.person.zone).filter(pauses__isnull=False)
    found = Pause.objects.filter(transaction__in=counted, ended_at__isnull=False).aggregate(
        n=Count("transaction", distinct=True), time=Sum(LASTED)
    )
    standing = Pause.objects.open().filter(transaction__in=rows.live()).count()
    return Paused(standing, found["n"], found["time"] or timedelta())
