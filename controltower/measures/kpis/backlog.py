"""What waits for a person, now and at the end of each of the last days."""

from __future__ import annotations

from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from controltower.incidents.models import DeadLetter
from controltower.measures.exposure import priced, stake, transactions, within
from controltower.measures.kpis.measure import Reading, Window, series, without_money
from controltower.measures.promises import DAYS
from controltower.transactions.models import TransactionState, WaitKind
from controltower.transactions.models.journey import TransactionQuerySet


def read(window: Window) -> Reading:
    """How many are stuck; each earlier day's end is reckoned back by what came and went since, as
    far back as anything is known."""
    standing = transactions(window.scope).stuck().order_by().count()
    change = _changes(window)
    days: dict[int, float | None] = {}
    level = standing
    for ago in range(min(2 * DAYS, window.known_for + 1)):
        days[ago] = float(max(level, 0))
        level -= change.get(ago, 0)
    return Reading(float(standing), days.get(DAYS), series(days), standing)


def _changes(window: Window) -> dict[int, int]:
    """By how much each day ended higher than it began."""
    letters = within(window.scope, DeadLetter.objects.all()).order_by()
    change: dict[int, int] = {}
    for column, sign in (("opened_at", 1), ("resolved_at", -1)):
        rows = (
            letters.filter(Q(**{f"{column}__gte": window.before}))
            .annotate(day=TruncDate(column, tzinfo=window.here))
            .values_list("day")
            .annotate(n=Count("transaction", distinct=True))
        )
        for day, count in rows:
            ago = window.ago(day)
            change[ago] = change.get(ago, 0) + sign * count
    return change


def held_by_period(rows: TransactionQuerySet) -> TransactionQuerySet:
    """Those that wait for a decision on a closed period."""
    return rows.filter(state=TransactionState.WAITING, wait=WaitKind.PERIOD_CLOSED)


def close_impact(window: Window) -> Reading:
    """The value that a closed period holds up."""
    found = stake(priced(held_by_period(transactions(window.scope))))
    return Reading(value=float(found.amount), records=found.count, note=without_money(found))
