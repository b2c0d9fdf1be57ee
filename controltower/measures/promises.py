"""Every process against its promise over the last 30 days, from the rollups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Sum

from controltower.canonical.promise import Counted, Promise
from controltower.firm import promised
from controltower.measures import arrivals, own_time, rollups
from controltower.measures.exposure import Scope, Stake, at_risk, priced, stakes, transactions
from controltower.measures.flow import start_of_day
from controltower.measures.held_up import HeldUp, held_up
from controltower.measures.models import Kind
from controltower.processes import catalogue
from controltower.transactions.models import TransactionState
from controltower.transactions.models.journey import TransactionQuerySet

DAYS = 30
KEPT, MISSED, ALL = "kept", "missed", "all"


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """One process against its promise over the last 30 days. `slowest_tenth` is in the promise's
    own time: around the clock over 30 days and true to 4 %, else of the latest thousand."""

    name: str
    title: str
    agreed: Promise
    slowest_tenth: timedelta | None
    kept: int
    ended: int
    days: tuple[float | None, ...]
    stuck: Stake
    at_risk: int
    owner_role: str

    @property
    def promise(self) -> timedelta:
        """How long it is promised to take, in its own time."""
        return self.agreed.length

    @property
    def slack(self) -> float | None:
        """What is left of the promise at the slowest tenth: 1.0 all, 0.0 none."""
        if self.slowest_tenth is None:
            return None
        return max(0.0, 1 - self.slowest_tenth / self.promise)


def first_day(now: datetime, zone: str) -> datetime:
    """When the last 30 days of a person in that zone began."""
    return start_of_day(now, zone) - timedelta(days=DAYS - 1)


def ended(rows: TransactionQuerySet, how: str, now: datetime, zone: str) -> TransactionQuerySet:
    """Those that the last 30 days count: verified with a promise; `how` is kept, missed or all."""
    counted = rows.filter(
        state=TransactionState.VERIFIED,
        ended_at__gte=first_day(now, zone),
        due_at__isnull=False,
    )
    if how == KEPT:
        return counted.filter(ended_at__lte=F("due_at"))
    return counted.filter(ended_at__gt=F("due_at")) if how == MISSED else counted


def promises(scope: Scope, now: datetime, held: HeldUp | None = None) -> Sequence[PromiseLine]:
    """Every process, the one with the least slack first. `held` is what is stuck, where it has
    been asked for already."""
    stuck = (held or held_up(scope, now)).by("process")
    lines = _lines(scope, catalogue.PROCESSES, now, stuck)
    return sorted(lines, key=lambda line: (line.slack is None, line.slack or 0.0, line.name))


def promise(scope: Scope, process: catalogue.Process, now: datetime) -> PromiseLine:
    """One process."""
    stuck = priced(transactions(scope).stuck().filter(process=process.name))
    (line,) = _lines(scope, [process], now, stakes(stuck, "process"))
    return line


def _lines(
    scope: Scope,
    processes: Sequence[catalogue.Process],
    now: datetime,
    stuck: Mapping[tuple[Any, ...], Stake],
) -> Sequence[PromiseLine]:
    first, names = first_day(now, scope.person.zone), [process.name for process in processes]
    paces, days = _paces(scope, names, first), _days(scope, first, now)
    agreed, near = promised.agreed(), _at_risk(scope, names, now)
    return [
        _line(
            process,
            agreed.get(process.name) or Promise.of(process.promise),
            _slowest_tenth(scope, process.name, agreed.get(process.name), paces),
            days.get(process.name, {}),
            stuck,
            near.get(process.name, 0),
        )
        for process in processes
    ]


def _at_risk(scope: Scope, processes: Sequence[str], now: datetime) -> dict[str, int]:
    """By process, how many are under way whose promise's end is near."""
    near = transactions(scope).live().filter(at_risk(now), process__in=processes)
    return dict(near.order_by().values_list("process").annotate(n=Count("pk")))


def _slowest_tenth(
    scope: Scope, process: str, agreed: Promise | None, paces: Mapping[str, Mapping[int, int]]
) -> timedelta | None:
    if agreed is None or agreed.counted == Counted.ELAPSED:
        return taken_by(paces.get(process, {}), NINE_IN_TEN)
    return own_time.below(own_time.taken(scope, process, agreed.counted), NINE_IN_TEN)


def _paces(scope: Scope, processes: Sequence[str], first: datetime) -> dict[str, dict[int, int]]:
    """How many took how long, by process and grade. Paces are kept by the UTC day."""
    day = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        rollups.figures(scope, Kind.PACE)
        .filter(at__gte=day, process__in=processes)
        .values_list("process", "grade")
        .annotate(n=Sum("items"))
    )
    found: dict[str, dict[int, int]] = {}
    for process, grade, count in rows:
        found.setdefault(process, {})[grade] = count
    return found


NINE_IN_TEN = 0.9


def taken_by(grades: Mapping[int, int], share: float) -> timedelta | None:
    """The time that this share (0 to 1) stays below: the middle of the grade in which it ends."""
    wanted = sum(grades.values()) * share
    below = 0
    for grade in sorted(grades):
        below += grades[grade]
        if below >= wanted and grades[grade]:
            return timedelta(seconds=rollups.GRADE_RATIO ** (grade + 0.5))
    return None


def _days(scope: Scope, first: datetime, now: datetime) -> dict[str, dict[int, tuple[int, int]]]:
    """(kept, ended) by process and by how many of the person's days ago it ended."""
    today = now.astimezone(ZoneInfo(scope.person.zone)).date()
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for arrival, items in arrivals.by_day(scope, first, now).items():
        if arrival.grade != rollups.NO_PROMISE:
            own, ago = found.setdefault(arrival.process, {}), (today - arrival.day).days
            kept, ended = own.get(ago, (0, 0))
            own[ago] = (kept + (items if arrival.grade == rollups.KEPT else 0), ended + items)
    return found


def _line(
    process: catalogue.Process,
    agreed: Promise,
    slowest_tenth: timedelta | None,
    days: Mapping[int, tuple[int, int]],
    stuck: Mapping[tuple[Any, ...], Stake],
    near: int,
) -> PromiseLine:
    return PromiseLine(
        name=process.name,
        title=process.title,
        agreed=agreed,
        slowest_tenth=slowest_tenth,
        kept=sum(kept for kept, _count in days.values()),
        ended=sum(count for _kept, count in days.values()),
        days=tuple(
            days[day][0] / days[day][1] if day in days else None for day in range(DAYS - 1, -1, -1)
        ),
        stuck=stuck.get((process.name,)) or Stake(),
        at_risk=near,
        owner_role=process.owner_role,
    )
