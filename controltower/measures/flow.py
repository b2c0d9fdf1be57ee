"""What moves: the lane's stages, promises kept today, recoveries, and what happened last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Aggregate,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    Sum,
)

from controltower.incidents.models import DeadLetter, LetterState, Resolution
from controltower.measures import rollups
from controltower.measures.exposure import (
    MOVING,
    Lateness,
    Parts,
    Scope,
    Stake,
    lateness_of_stuck,
    priced,
    split,
    stake,
    stakes,
    transactions,
    within,
)
from controltower.measures.models import Kind
from controltower.measures.paths import stands_at
from controltower.processes.project_templates import MOST
from controltower.transactions.models import TimelineEntry, Transaction, TransactionState
from controltower.transactions.models.journey import TransactionQuerySet


@dataclass(frozen=True, slots=True)
class Stage:
    """A place on the lane: the steps whose turn it is when value stands there."""

    name: str
    system: str
    steps: tuple[tuple[str, str], ...]

    @property
    def slug(self) -> str:
        """What it is asked for by."""
        return self.name.lower().replace(" ", "-")


DEAL, BILLING = "opportunity-to-project", "time-and-expense-to-billing"
STAGES = (
    Stage("Deal won", "CRM", ((DEAL, "check"), (DEAL, "client"))),
    Stage("Customer ready", "ERP", ((DEAL, "customer"), (DEAL, "client-link"))),
    Stage(
        "Project set up",
        "PSA",
        (
            (DEAL, "project"),
            *(
                (DEAL, f"{part}-{n}")
                for part in ("milestone", "staffing")
                for n in range(1, MOST + 1)
            ),
        ),
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


PLACE = ("process", "stands_at", "lateness")


def lane(scope: Scope, now: datetime, live: Parts | None = None) -> Sequence[StageLine]:
    """Live value by the stage it stands in; `live` is what is under way, where that was asked for
    already."""
    if live is None:
        held = lateness_of_stuck(now, scope.person.zone)
        places = priced(transactions(scope).live()).annotate(stands_at=stands_at(), lateness=held)
        live = Parts(PLACE, stakes(places, *PLACE))
    found = live.by(*PLACE)
    return [_stage(stage, found) for stage in STAGES]


def standing(rows: TransactionQuerySet, slug: str) -> TransactionQuerySet:
    """Those of the rows that are in a stage of the lane, whether they move or are stuck."""
    stage = next(stage for stage in STAGES if stage.slug == slug)
    here = Q()
    for process, step in stage.steps:
        here |= Q(process=process, stands_at=step)
    return rows.live().annotate(stands_at=stands_at()).filter(here)


def _stage(stage: Stage, found: Mapping[tuple[Any, ...], Stake]) -> StageLine:
    through, parts = Stake(), Lateness(Stake(), Stake(), Stake())
    for step in stage.steps:
        through.add(found.get((*step, MOVING)) or Stake())
        here = split(found, *step)
        parts.late.add(here.late)
        parts.due_today.add(here.due_today)
        parts.in_time.add(here.in_time)
    return StageLine(stage=stage, moving=through, stuck=parts)


def start_of_day(now: datetime, zone: str) -> datetime:
    """Midnight of the person's own day; the first where clocks go back over it."""
    local = now.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


@dataclass(frozen=True, slots=True)
class Kept:
    """How many were verified today, how many of them within their promise, and how many late."""

    ended: int
    in_time: int
    late: int

    @property
    def share(self) -> float | None:
        """0.0 to 1.0, or None when nothing ended."""
        return self.in_time / self.ended if self.ended else None


def kept_today(scope: Scope, now: datetime) -> Kept:
    """Promises kept among what was verified since midnight of the person's own day."""
    arrived = rollups.figures(scope, Kind.ARRIVED).filter(
        at__gte=start_of_day(now, scope.person.zone)
    )
    row = arrived.aggregate(
        all=Sum("items", default=0),
        kept=Sum("items", filter=Q(grade=rollups.KEPT), default=0),
        late=Sum("items", filter=Q(grade=rollups.LATE), default=0),
    )
    return Kept(row["all"], row["kept"], row["late"])


class Median(Aggregate):
    """The middle length of time."""

    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was stuck and has arrived today, with the median time it took."""

    stake: Stake
    median: timedelta | None


def recovered_today(scope: Scope, now: datetime) -> Recovered:
    """Dead letters solved today by replay or by themselves."""
    letters = within(
        scope,
        DeadLetter.objects.filter(
            state=LetterState.RESOLVED,
            resolution__in=[Resolution.AUTO, Resolution.REPLAYED, Resolution.EDITED_COPY],
            resolved_at__gte=start_of_day(now, scope.person.zone),
        ),
    )
    took = ExpressionWrapper(F("resolved_at") - F("opened_at"), output_field=DurationField())
    median = letters.order_by().aggregate(median=Median(took))["median"]
    members = priced(Transaction.objects.filter(pk__in=letters.values("transaction")))
    return Recovered(stake(members), median)


LOOKED_THROUGH = 500
"""As many of the firm's latest entries are looked through for those of one legal entity."""


def feed(scope: Scope, limit: int = 12) -> Sequence[TimelineEntry]:
    """What happened last in the scope, newest first.

    Where the scope is one that little happens in, the firm's latest entries may hold none of it:
    then those of the transactions that began last.
    """
    latest = TimelineEntry.objects.order_by("-id")
    if scope.is_whole_firm:
        return list(latest.select_related("transaction")[:limit])
    among = latest.filter(pk__in=list(latest.values_list("pk", flat=True)[:LOOKED_THROUGH]))
    found = list(within(scope, among).select_related("transaction")[:limit])
    if found:
        return found
    begun = list(
        transactions(scope).order_by("-started_at", "-pk")[:limit].values_list("pk", flat=True)
    )
    return list(latest.filter(transaction__in=begun).select_related("transaction")[:limit])


@dataclass(frozen=True, slots=True)
class SinceThen:
    """What changed since the person last looked."""

    recovered: int
    newly_stuck: int
    verified: int


def since(scope: Scope, then: datetime) -> SinceThen:
    """Counts between `then` and now, within the scope."""
    lately = DeadLetter.objects.filter(Q(resolved_at__gt=then) | Q(resolved_at__isnull=True))
    letters = within(scope, lately).aggregate(
        recovered=Count("pk", filter=Q(resolved_at__gt=then)),
        newly_stuck=Count("pk", filter=~Q(state=LetterState.RESOLVED) & Q(opened_at__gt=then)),
    )
    return SinceThen(letters["recovered"], letters["newly_stuck"], _verified(scope, then))


def _verified(scope: Scope, then: datetime) -> int:
    """Whole quarters of an hour from the rollup, the one that `then` lies in by its rows."""
    quarter = rollups.QUARTER
    whole = datetime.fromtimestamp((then.timestamp() // quarter.total_seconds() + 1)
                                   * quarter.total_seconds(), tz=UTC)  # fmt: skip
    rest = transactions(scope).filter(
        state=TransactionState.VERIFIED, ended_at__gt=then, ended_at__lt=whole
    )
    arrived = rollups.figures(scope, Kind.ARRIVED).filter(at__gte=whole)
    return rest.count() + int(arrived.aggregate(n=Sum("items", default=0))["n"])
