"""What moves: the lane's stages, promises kept, recoveries, and what happened last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Aggregate,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, TruncDate

from controltower.incidents.models import DeadLetter, LetterState, Resolution
from controltower.measures.exposure import (
    Lateness,
    Scope,
    Stake,
    lateness,
    priced,
    split,
    stake,
    stakes,
    transactions,
)
from controltower.processes import catalogue
from controltower.transactions.models import Step, TimelineEntry, Transaction, TransactionState
from controltower.transactions.protocol import FINISHED


@dataclass(frozen=True, slots=True)
class Stage:
    """A place on the lane: the steps whose turn it is when value stands there."""

    name: str
    system: str
    steps: tuple[tuple[str, str], ...]


DEAL, BILLING = "opportunity-to-project", "time-and-expense-to-billing"
STAGES = (
    Stage("Deal won", "CRM", ((DEAL, "check"), (DEAL, "client"))),
    Stage("Customer ready", "ERP", ((DEAL, "customer"), (DEAL, "client-link"))),
    Stage(
        "Project set up",
        "PSA",
        tuple((DEAL, name) for name in ("project", "milestone-1", "milestone-2", "milestone-3")),
    ),
    Stage("Deal linked", "CRM", ((DEAL, "link"),)),
    Stage("Work approved", "PSA", ((BILLING, ""), (BILLING, "check"), (BILLING, "client"))),
    Stage("Billing released", "PSA", ((BILLING, "billing-event"), (BILLING, "draft"))),
    Stage("Invoice posted", "ERP", ((BILLING, "post"), (BILLING, "status"))),
)


@dataclass(frozen=True, slots=True)
class StageLine:
    """What moves through a stage and what hangs beneath it."""

    stage: Stage
    moving: Stake
    stuck: Lateness


def lane(scope: Scope, now: datetime) -> Sequence[StageLine]:
    """Live value by the stage it stands in."""
    current = (
        Step.objects.filter(transaction=OuterRef("pk"))
        .exclude(state__in=FINISHED)
        .order_by("position")
    )
    places = priced(transactions(scope).live()).annotate(
        stands_at=Coalesce(Subquery(current.values("name")[:1]), Value(""))
    )
    held = Transaction.objects.stuck().values("pk")
    moving = stakes(places.exclude(pk__in=held), "process", "stands_at")
    stuck = stakes(
        places.filter(pk__in=held).annotate(lateness=lateness(now, scope.person.zone)),
        "process",
        "stands_at",
        "lateness",
    )
    return [_stage(stage, moving, stuck) for stage in STAGES]


def _stage(
    stage: Stage, moving: Mapping[tuple[Any, ...], Stake], stuck: Mapping[tuple[Any, ...], Stake]
) -> StageLine:
    through, parts = Stake(), Lateness(Stake(), Stake(), Stake())
    for step in stage.steps:
        through.add(moving.get(step) or Stake())
        here = split(stuck, *step)
        parts.late.add(here.late)
        parts.due_today.add(here.due_today)
        parts.in_time.add(here.in_time)
    return StageLine(stage=stage, moving=through, stuck=parts)


def start_of_day(now: datetime, zone: str) -> datetime:
    """Midnight of the person's own day."""
    return now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Kept:
    """How many ended today, and how many of them within their promise."""

    ended: int
    in_time: int

    @property
    def share(self) -> float | None:
        """0.0 to 1.0, or None when nothing ended."""
        return self.in_time / self.ended if self.ended else None


def kept_today(scope: Scope, now: datetime, process: str = "") -> Kept:
    """Promises kept among what was verified today."""
    ended = transactions(scope).filter(
        state=TransactionState.VERIFIED, ended_at__gte=start_of_day(now, scope.person.zone)
    )
    if process:
        ended = ended.filter(process=process)
    row = ended.aggregate(all=Count("pk"), kept=Count("pk", filter=Q(ended_at__lte=F("due_at"))))
    return Kept(row["all"], row["kept"])


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was stuck and has arrived today, with the median time it took."""

    stake: Stake
    median: timedelta | None


def recovered_today(scope: Scope, now: datetime) -> Recovered:
    """Dead letters solved today by replay or by themselves."""
    letters = DeadLetter.objects.filter(
        state=LetterState.RESOLVED,
        resolution__in=[Resolution.AUTO, Resolution.REPLAYED, Resolution.EDITED_COPY],
        resolved_at__gte=start_of_day(now, scope.person.zone),
        transaction__in=transactions(scope),
    )
    times = [
        resolved - opened
        for opened, resolved in letters.values_list("opened_at", "resolved_at")
        if resolved is not None
    ]
    if not times:
        return Recovered(Stake(), None)
    members = priced(Transaction.objects.filter(pk__in=letters.values("transaction")))
    return Recovered(stake(members), timedelta(seconds=median(t.total_seconds() for t in times)))


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """One process against its promise over the last 30 days."""

    name: str
    title: str
    promise: timedelta
    slowest_tenth: timedelta | None
    kept: int
    ended: int
    days: tuple[float | None, ...]
    stuck: Stake
    owner_role: str

    @property
    def slack(self) -> float | None:
        """What is left of the promise at the slowest tenth: 1.0 all, 0.0 none."""
        if self.slowest_tenth is None:
            return None
        return max(0.0, 1 - self.slowest_tenth / self.promise)


class SlowestTenth(Aggregate):
    """The value that nine tenths stay below."""

    template = "percentile_cont(0.9) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def promises(scope: Scope, now: datetime) -> Sequence[PromiseLine]:
    """Every process, the one with the least slack first."""
    ended = transactions(scope).filter(
        state=TransactionState.VERIFIED,
        ended_at__gte=start_of_day(now, scope.person.zone) - timedelta(days=29),
        due_at__isnull=False,
    )
    overrun = ExpressionWrapper(F("ended_at") - F("due_at"), output_field=DurationField())
    slowest = dict(ended.order_by().values_list("process").annotate(slowest=SlowestTenth(overrun)))
    days = _days(ended, scope, now)
    stuck = stakes(priced(transactions(scope).stuck()), "process")
    lines = [
        _promise(process, slowest.get(process.name), days.get(process.name, {}), stuck)
        for process in catalogue.PROCESSES
    ]
    return sorted(lines, key=lambda line: (line.slack is None, line.slack or 0.0, line.name))


def _days(
    ended: QuerySet[Transaction], scope: Scope, now: datetime
) -> dict[str, dict[int, tuple[int, int]]]:
    """(kept, ended) by process and by how many of the person's days ago it ended."""
    zone = ZoneInfo(scope.person.zone)
    today = now.astimezone(zone).date()
    rows = (
        ended.order_by()
        .annotate(day=TruncDate("ended_at", tzinfo=zone))
        .values_list("process", "day")
        .annotate(
            kept=Count("ended_at", filter=Q(ended_at__lte=F("due_at"))), all=Count("ended_at")
        )
    )
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for process, day, kept, count in rows:
        found.setdefault(process, {})[(today - day).days] = (kept, count)
    return found


def _promise(
    process: catalogue.Process,
    overrun: timedelta | None,
    days: Mapping[int, tuple[int, int]],
    stuck: Mapping[tuple[Any, ...], Stake],
) -> PromiseLine:
    slowest = None if overrun is None else max(process.promise + overrun, timedelta(0))
    return PromiseLine(
        name=process.name,
        title=process.title,
        promise=process.promise,
        slowest_tenth=slowest,
        kept=sum(kept for kept, _count in days.values()),
        ended=sum(count for _kept, count in days.values()),
        days=tuple(
            days[day][0] / days[day][1] if day in days else None for day in range(29, -1, -1)
        ),
        stuck=stuck.get((process.name,)) or Stake(),
        owner_role=process.owner_role,
    )


def feed(scope: Scope, limit: int = 12) -> Sequence[TimelineEntry]:
    """What happened last in the scope, newest first."""
    return list(
        TimelineEntry.objects.filter(transaction__in=transactions(scope))
        .select_related("transaction")
        .order_by("-id")[:limit]
    )


@dataclass(frozen=True, slots=True)
class SinceThen:
    """What changed since the person last looked."""

    recovered: int
    newly_stuck: int
    verified: int
    amount: Decimal


def since(scope: Scope, then: datetime) -> SinceThen:
    """Counts between `then` and now, within the scope."""
    visible = transactions(scope)
    letters = DeadLetter.objects.filter(transaction__in=visible).aggregate(
        recovered=Count("pk", filter=Q(resolved_at__gt=then)),
        newly_stuck=Count("pk", filter=~Q(state=LetterState.RESOLVED) & Q(opened_at__gt=then)),
    )
    verified = stake(priced(visible.filter(state=TransactionState.VERIFIED, ended_at__gt=then)))
    return SinceThen(
        recovered=letters["recovered"],
        newly_stuck=letters["newly_stuck"],
        verified=verified.count,
        amount=verified.amount,
    )


def last_change(scope: Scope) -> datetime | None:
    """When anything in the scope last moved."""
    newest: datetime | None = transactions(scope).aggregate(at=Max("changed_at"))["at"]
    return newest
