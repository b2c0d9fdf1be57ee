"""Why things are stuck, with what hangs on each cause: the lists of exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from controltower.incidents.models import Cause, DeadLetter
from controltower.measures.exposure import Scope, Stake, priced, stakes, within


@dataclass(frozen=True, slots=True)
class CauseLine:
    """A cause with what hangs on it, for lists."""

    cause: Cause
    stake: Stake
    oldest: datetime
    due: datetime | None
    late: int


def by_cause(
    scope: Scope,
    now: datetime,
    *,
    causes: QuerySet[Cause] | None = None,
    limit: int | None = 200,
) -> Sequence[CauseLine]:
    """Open causes in the scope, most money first: of `causes`, or of those not put aside."""
    letters = within(scope, DeadLetter.objects.open())
    if causes is not None:
        letters = letters.filter(cause__in=causes)
    found = stakes(priced(letters, "transaction__"), "cause", at="transaction__")
    times = {
        row["cause"]: row
        for row in letters.order_by()
        .values("cause")
        .annotate(
            oldest=Min("opened_at"),
            due=Min("transaction__due_at"),
            late=Count("pk", filter=Q(transaction__due_at__lt=now)),
        )
    }
    open_ = Cause.objects.filter(pk__in=times).select_related("owner", "system")
    open_ = open_.awake(now) if causes is None else open_
    lines = [
        CauseLine(
            cause=cause,
            stake=found.get((cause.pk,)) or Stake(),
            oldest=times[cause.pk]["oldest"],
            due=times[cause.pk]["due"],
            late=times[cause.pk]["late"],
        )
        for cause in open_
    ]
    lines.sort(key=lambda line: (-line.stake.amount, -line.stake.count, line.cause.pk))
    return lines[:limit]


SOLVED_FOR = timedelta(days=30)
"""How long a solved cause is still listed."""


def having(letters: QuerySet[DeadLetter]) -> Exists:
    """A condition on causes: one such letter is enough, and the look-up stops at it."""
    return Exists(letters.order_by().filter(cause=OuterRef("pk")))


def solved_causes(scope: Scope, now: datetime) -> QuerySet[Cause]:
    """Causes of which something was solved in the last 30 days and nothing is open."""
    recent = within(scope, DeadLetter.objects.filter(resolved_at__gte=now - SOLVED_FOR))
    return Cause.objects.filter(having(recent), ~having(within(scope, DeadLetter.objects.open())))


def solved(scope: Scope, now: datetime) -> Sequence[CauseLine]:
    """Causes of which something was solved in the last 30 days and nothing is open, most money
    first."""
    recent = within(scope, DeadLetter.objects.filter(resolved_at__gte=now - SOLVED_FOR))
    found = stakes(priced(recent, "transaction__"), "cause", at="transaction__")
    times = dict(recent.order_by().values_list("cause").annotate(oldest=Min("opened_at")))
    causes = solved_causes(scope, now).filter(pk__in=times)
    lines = [
        CauseLine(cause, found.get((cause.pk,)) or Stake(), times[cause.pk], None, 0)
        for cause in causes.select_related("owner", "system")
    ]
    lines.sort(key=lambda line: (-line.stake.amount, -line.stake.count, line.cause.pk))
    return lines
