"""How fast promises are being missed: the share of a month's allowance that a stretch has used up.

The firm wants so many of its promises kept (`today.PROMISED`); the others are its allowance for
thirty days. What ended too late is a miss, and so is what is under way and due: an event that never
came counts as lateness through the transaction that watches for it. Two stretches page somebody,
two make a ticket, as site reliability engineers have found them (Google, The SRE Workbook, ch. 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum

from controltower.incidents.models import Severity
from controltower.measures import rollups
from controltower.measures.models import Figure, Kind
from controltower.measures.today import PROMISED
from controltower.processes import catalogue
from controltower.processes.definition import Workflow
from controltower.transactions.models import Transaction
from controltower.transactions.models.states import LIVE

DAYS = 30
LEAST = 3
"""Fewer misses in a stretch say nothing, where a month has few promises."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which no more than this share of the allowance may be used."""

    length: timedelta
    share: float
    severity: Severity


STRETCHES = (
    Stretch(timedelta(hours=1), 0.02, Severity.HIGHEST),
    Stretch(timedelta(hours=6), 0.05, Severity.HIGH),
    Stretch(timedelta(days=1), 0.10, Severity.MODERATE),
    Stretch(timedelta(days=3), 0.10, Severity.MODERATE),
)


@dataclass(frozen=True, slots=True)
class Burn:
    """A process whose allowance goes too fast: the gravest stretch that says so."""

    process: str
    stretch: Stretch


def judged(process: str, promised: int, missed: Mapping[timedelta, int]) -> Burn | None:
    """The gravest stretch whose misses use up too much, by how many promises a month has."""
    allowance = promised * (1 - PROMISED)
    for stretch in STRETCHES:
        misses = missed.get(stretch.length, 0)
        if misses >= LEAST and misses > stretch.share * allowance:
            return Burn(process, stretch)
    return None


def burning(now: datetime) -> Sequence[Burn]:
    """Every process whose allowance goes too fast, the gravest first."""
    promised = _ended(now - timedelta(days=DAYS), Q(), Kind.DAY)
    missed = _missed(now)
    names = {name for found in missed.values() for name in found}
    found = [
        judged(name, promised.get(name, 0),
               {length: counts.get(name, 0) for length, counts in missed.items()})
        for name in sorted(names)
    ]  # fmt: skip
    order = [stretch.severity for stretch in STRETCHES]
    return sorted(filter(None, found), key=lambda burn: order.index(burn.stretch.severity))


def title(burn: Burn) -> str:
    """In finance words, and without a count: whoever sees one legal entity reads it too."""
    hours = burn.stretch.length // timedelta(hours=1)
    what = f"{_workflow(burn.process).title} misses its promises too fast"
    share = f"{burn.stretch.share:.0%}"
    if hours == 1:
        return f"{what}: more than {share} of a month's allowance in an hour"
    return f"{what}: more than {share} of a month's allowance in {hours} hours"


def owner_role(burn: Burn) -> str:
    """Who answers for the process."""
    return _workflow(burn.process).owner_role


def _workflow(name: str) -> Workflow:
    return catalogue.workflow(name)


def _missed(now: datetime) -> dict[timedelta, dict[str, int]]:
    """Misses by stretch and process: ended too late in it, or due in it and still under way, which
    may be many: they are counted once for all stretches, where they are."""
    lengths = [stretch.length for stretch in STRETCHES]
    found = {length: _ended(now - length, Q(grade=rollups.LATE)) for length in lengths}
    counts = {
        f"of_{n}": Count("pk", filter=Q(due_at__gte=now - lengths[n])) for n in range(len(lengths))
    }
    overdue = Transaction.objects.filter(
        state__in=LIVE, due_at__gte=now - max(lengths), due_at__lt=now
    ).order_by()
    for process, *numbers in overdue.values_list("process").annotate(**counts):
        for length, number in zip(lengths, numbers, strict=True):
            found[length][process] = found[length].get(process, 0) + number
    return found


def _ended(since: datetime, which: Q, kind: Kind = Kind.ARRIVED) -> dict[str, int]:
    rows = (
        Figure.objects.filter(which, kind=kind, at__gte=since)
        .exclude(grade=rollups.NO_PROMISE)
        .order_by()
        .values_list("process")
        .annotate(n=Sum("items"))
    )
    return {process: count for process, count in rows if count}
