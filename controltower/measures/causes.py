"""Why things are stuck, with what hangs on each cause: the lists of exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from controltower.incidents.models import Cause, DeadLetter, LetterState
from controltower.measures.exposure import (
    Parts,
    Scope,
    Stake,
    priced,
    stake,
    stakes,
    transactions,
    within,
)


@dataclass(frozen=True, slots=True)
class CauseLine:
    """A cause with what hangs on it, for lists."""

    cause: Cause
    stake: Stake
    oldest: datetime
    due: datetime | None
    late: int


MONTHLY = ("cause", "transaction__entity__code", "transaction__month")


def held(letters: QuerySet[DeadLetter], keys: tuple[str, ...] = ("cause",)) -> Parts:
    """What letters hold by such keys of theirs."""
    return Parts(keys, stakes(priced(letters, "transaction__"), *keys, at="transaction__"))


def by_cause(
    scope: Scope,
    now: datetime,
    *,
    causes: QuerySet[Cause] | None = None,
    limit: int | None = 200,
    holding: Parts | None = None,
) -> Sequence[CauseLine]:
    """Open causes in the scope, most money first: of `causes`, or of those not put aside.
    `holding` is what the open letters hold, where that was asked for already."""
    letters = within(scope, DeadLetter.objects.open())
    if causes is not None:
        letters = letters.filter(cause__in=causes)
    found = (holding or held(letters)).by("cause")
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


def solved_lately(scope: Scope, now: datetime) -> QuerySet[DeadLetter]:
    """What was solved in the last 30 days."""
    lately = DeadLetter.objects.filter(
        state=LetterState.RESOLVED, resolved_at__gte=now - SOLVED_FOR
    )
    return within(scope, lately)


def solved_causes(scope: Scope, now: datetime) -> QuerySet[Cause]:
    """Causes of which something was solved in the last 30 days and nothing is open."""
    return Cause.objects.filter(
        having(solved_lately(scope, now)), ~having(within(scope, DeadLetter.objects.open()))
    )


def solved(scope: Scope, now: datetime) -> Sequence[CauseLine]:
    """Causes of which something was solved in the last 30 days and nothing is open, most money
    first."""
    letters = solved_lately(scope, now)
    found = held(letters).by("cause")
    times = dict(letters.order_by().values_list("cause").annotate(oldest=Min("opened_at")))
    closed = Cause.objects.filter(pk__in=times).exclude(
        having(within(scope, DeadLetter.objects.open()))
    )
    lines = [
        CauseLine(cause, found.get((cause.pk,)) or Stake(), times[cause.pk], None, 0)
        for cause in closed.select_related("owner", "system")
    ]
    lines.sort(key=lambda line: (-line.stake.amount, -line.stake.count, line.cause.pk))
    return lines


def together(lines: Sequence[CauseLine], letters: QuerySet[DeadLetter], scope: Scope) -> Stake:
    """All of the lines, which tell of these letters, no transaction counted twice: what several
    letters are of is taken out of their sum and put back once. It is few, whereas to look up each
    transaction would be to read them all again."""
    whole = Stake()
    for line in lines:
        whole.add(line.stake)
    of_several = letters.order_by().values("transaction").annotate(n=Count("pk")).filter(n__gt=1)
    if several := list(of_several.values_list("transaction", flat=True)):
        each = letters.filter(transaction__in=several)
        whole.add(held(each).by().get((), Stake()), times=-1)
        whole.add(stake(priced(transactions(scope).filter(pk__in=several))))
    return whole
