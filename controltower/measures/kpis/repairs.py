"""What needed a person, from the rollup of what arrived; and how long it took to recover, from the
dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import (
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
)
from django.db.models.functions import TruncDate

from controltower.incidents.models import DeadLetter, LetterState, Resolution
from controltower.measures.exposure import within
from controltower.measures.flow import Median
from controltower.measures.kpis.measure import Reading, Window, series, share
from controltower.measures.promises import DAYS
from controltower.transactions.models import TransactionState
from controltower.transactions.models.journey import TransactionQuerySet

RECOVERED = (Resolution.AUTO, Resolution.REPLAYED, Resolution.EDITED_COPY)


def verified(rows: TransactionQuerySet, since: datetime, *, clean: bool) -> TransactionQuerySet:
    """Those that were verified since then: `clean` ones never needed a person, others had."""
    return rows.filter(
        state=TransactionState.VERIFIED, ended_at__gte=since, needed_person=not clean
    )


def recovered(rows: TransactionQuerySet, since: datetime) -> TransactionQuerySet:
    """Those of which something stuck was solved since then by replay or by itself."""
    return rows.filter(pk__in=solved_since(since).order_by().values("transaction"))


def solved_since(since: datetime) -> QuerySet[DeadLetter]:
    """What was stuck and has been solved since then, by replay or by itself."""
    return DeadLetter.objects.filter(
        state=LetterState.RESOLVED, resolution__in=RECOVERED, resolved_at__gte=since
    )


def stuck_share(process: str = "") -> Callable[[Window], Reading]:
    """Reads the share of what was verified that had needed a person."""

    def read(window: Window) -> Reading:
        return _touched(window, process, clean=False)

    return read


def repaired(process: str) -> Callable[[Window], Reading]:
    """Reads how many that were verified had needed a person."""

    def read(window: Window) -> Reading:
        held = _held_of(window, process)
        lately = sum(count for ago, count in held.items() if ago < DAYS)
        return Reading(
            value=float(lately),
            before=float(sum(held.values()) - lately) if window.known_for >= DAYS else None,
            days=series({ago: float(held.get(ago, 0)) for ago in range(window.known_for + 1)}),
            records=lately,
        )

    return read


def first_pass(window: Window) -> Reading:
    """The share of what was verified that had never needed a person."""
    return _touched(window, "", clean=True)


def _touched(window: Window, process: str, *, clean: bool) -> Reading:
    ended = {ago: count for ago, (_kept, count) in window.ended(process).items()}
    held = _held_of(window, process)
    wanted = {
        ago: count - held.get(ago, 0) if clean else held.get(ago, 0) for ago, count in ended.items()
    }

    def of(agos: list[int]) -> float | None:
        return share(sum(wanted[ago] for ago in agos), sum(ended[ago] for ago in agos))

    lately = [ago for ago in ended if ago < DAYS]
    return Reading(
        value=of(lately),
        before=of([ago for ago in ended if ago >= DAYS]),
        days=series({ago: of([ago]) for ago in ended}),
        records=sum(wanted[ago] for ago in lately),
    )


def _held_of(window: Window, process: str) -> dict[int, int]:
    """How many of what was verified had needed a person, by days ago; "" is every process."""
    held: Counter[int] = Counter()
    for arrival, items in window.arrivals.items():
        if arrival.repaired and process in ("", arrival.process):
            held[window.ago(arrival.day)] += items
    return held


def recovery_time(window: Window) -> Reading:
    """The median time from being stuck to being solved by replay or by itself."""
    took = ExpressionWrapper(F("resolved_at") - F("opened_at"), output_field=DurationField())
    letters = within(window.scope, solved_since(window.before)).order_by()
    lately = Q(resolved_at__gte=window.first)
    whole = letters.aggregate(
        now=Median(took, filter=lately),
        before=Median(took, filter=~lately),
        records=Count("transaction", filter=lately, distinct=True),
    )
    rows = (
        letters.filter(lately)
        .annotate(day=TruncDate("resolved_at", tzinfo=window.here))
        .values_list("day")
        .annotate(median=Median(took))
    )
    return Reading(
        value=_seconds(whole["now"]),
        before=_seconds(whole["before"]),
        days=series({window.ago(day): _seconds(median) for day, median in rows}),
        records=whole["records"],
    )


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
