"""How a process runs: where its value stands now, how far the latest got, and by which ways.

What stands now is everything that is live. What was walked is told by the latest thousand that
began: enough to see the usual way, and as quick to add up among a million as among a few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import StringAgg
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Min,
    OuterRef,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat

from controltower.measures.exposure import Scope, Stake, priced, stakes, transactions
from controltower.processes.definition import Process, Workflow
from controltower.transactions.models import Step, Transaction
from controltower.transactions.models.journey import (
    LIVE,
    REACHED,
    STUCK,
    TERMINAL,
    UNDER_WAY,
    TransactionQuerySet,
)
from controltower.transactions.protocol import FINISHED, State

LATEST = 1000
"""How many of the latest are looked at."""
SLOWEST = 8
GATHERING = "gathering"
"""Where what has no step yet stands: work that still gathers, or has just begun."""
SKIPPED, AGAIN = "-", "+"
"""After a step's name in a path: it was not needed; it took more than one try."""

WALKED = """
WITH latest (id, began) AS ({cohort}), moments AS (
    SELECT step.name, step.title, step.position, step.state,
           step.done_at - coalesce(
               max(step.done_at) OVER (PARTITION BY step.transaction_id ORDER BY step.position
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
               latest.began) AS took
    FROM latest JOIN transactions_step step ON step.transaction_id = latest.id)
SELECT name, min(title), min(position), count(*) FILTER (WHERE state = ANY(%s)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(took, interval '0'))
           FILTER (WHERE state = 'verified'),
       coalesce(sum(greatest(took, interval '0')) FILTER (WHERE state = 'verified'), interval '0')
FROM moments GROUP BY name ORDER BY 3, 1
"""


@dataclass(frozen=True, slots=True)
class StageLine:
    """A stage: how many of the latest are past it, how long it takes, and what stands there now.

    `typical` is the median time from the step before; `share` (0 to 1) is its part of all the
    time that the latest took. `moving` and `stuck` are of everything live.
    """

    name: str
    title: str
    passed: int
    typical: timedelta | None
    share: float
    moving: Stake
    stuck: Stake

    @property
    def standing(self) -> Stake:
        """All that stands here."""
        whole = Stake()
        whole.add(self.moving)
        whole.add(self.stuck)
        return whole


@dataclass(frozen=True, slots=True)
class Variant:
    """A way that some of the latest took to their end: which steps were not needed, and which
    took more than one try."""

    key: str
    count: int
    steps: tuple[str, ...]
    skipped: tuple[str, ...]
    again: tuple[str, ...]
    state: str


def latest(scope: Scope, process: str) -> TransactionQuerySet:
    """The latest thousand that began. They are named one by one: whatever else is asked of them,
    they are looked up by their keys and never found by reading all that have ended."""
    newest = transactions(scope).filter(process=process).order_by("-started_at", "-pk")
    return Transaction.objects.filter(pk__in=list(newest.values_list("pk", flat=True)[:LATEST]))


def title_of(scope: Scope, process: str, step: str) -> str:
    """A step's title among the latest, "" where none of them has it."""
    some = Step.objects.filter(transaction__in=latest(scope, process).values("pk"), name=step)
    return str(some.order_by().aggregate(title=Min("title"))["title"] or "")


def stands_at() -> Coalesce:
    """An expression for the name of the first step under way, "" before there is any."""
    current = Step.objects.filter(transaction=OuterRef("pk"), state__in=UNDER_WAY)
    return Coalesce(Subquery(current.order_by("position").values("name")[:1]), Value(""))


def standing(rows: TransactionQuerySet, stage: str) -> TransactionQuerySet:
    """Those of the live rows that stand at a stage."""
    name = "" if stage == GATHERING else stage
    return rows.live().annotate(stands_at=stands_at()).filter(stands_at=name)


def passed(rows: TransactionQuerySet, step: str) -> TransactionQuerySet:
    """Those of the rows that are past a step."""
    done = Step.objects.filter(transaction=OuterRef("pk"), name=step, state__in=FINISHED)
    return rows.filter(Exists(done))


def stages(scope: Scope, process: Workflow) -> Sequence[StageLine]:
    """Every stage in its order; first those that none of the latest has come to, such as
    gathering."""
    live = priced(transactions(scope).filter(process=process.name).live()).annotate(
        stands_at=stands_at(),
        is_stuck=Case(
            When(STUCK, then=Value(True)), default=Value(False), output_field=BooleanField()
        ),
    )
    found = stakes(live, "stands_at", "is_stuck")
    rows = _walked(scope, process)
    whole = sum((took for *_some, took in rows), timedelta(0)) or timedelta(1)
    lines = [
        _line(found, name, title, done, typical, took / whole)
        for name, title, _position, done, typical, took in rows
    ]
    elsewhere = {name for name, _stuck in found} - {line.name for line in lines}
    first = [_line(found, name, "") for name in sorted(elsewhere)]
    return [*first, *lines]


def _line(
    found: Mapping[tuple[Any, ...], Stake],
    name: str,
    title: str,
    done: int = 0,
    typical: timedelta | None = None,
    share: float = 0.0,
) -> StageLine:
    moving, stuck = found.get((name, False)) or Stake(), found.get((name, True)) or Stake()
    return StageLine(name or GATHERING, title or name, done, typical, share, moving, stuck)


def _walked(scope: Scope, process: Workflow) -> Sequence[tuple[Any, ...]]:
    """(name, title, position, past it, median, sum) of each step of the latest."""
    rows = latest(scope, process.name).order_by().annotate(began=_began(process))
    try:
        statement, values = rows.values("pk", "began").query.sql_with_params()
    except EmptyResultSet:
        return []  # who sees no company sees no step
    with connection.cursor() as cursor:
        cursor.execute(
            WALKED.format(cohort=statement), [*values, [str(state) for state in FINISHED]]
        )
        return list(cursor.fetchall())


def _began(process: Workflow) -> Any:
    """When the promise's clock began to run: for gathered work, with its billing run."""
    if not isinstance(process, Process):
        return F("started_at")
    clock = ExpressionWrapper(
        F("due_at") - Value(process.promise), output_field=DateTimeField(null=True)
    )
    return Coalesce(clock, "started_at")


def variants(scope: Scope, process: str) -> Sequence[Variant]:
    """The ways that those of the latest which have ended took, the commonest first."""
    ways = _ways(scope, process)
    counts = Counter(ways.values())
    return [_variant(way, count) for way, count in sorted(counts.items(), key=_commonest)]


def walkers(scope: Scope, process: str, key: str) -> TransactionQuerySet:
    """Those of the latest that took the way with this key."""
    ways = _ways(scope, process)
    return Transaction.objects.filter(pk__in=[pk for pk, way in ways.items() if key_of(way) == key])


def _commonest(counted: tuple[str, int]) -> tuple[int, str]:
    way, count = counted
    return -count, way


def _ways(scope: Scope, process: str) -> Mapping[UUID, str]:
    """How each of the latest that have ended got there: its end, then its steps in order."""
    ended = latest(scope, process).filter(state__in=TERMINAL)
    walked = (
        Step.objects.filter(transaction__in=ended.order_by().values("pk"), state__in=FINISHED)
        .order_by()
        .values("transaction_id", "transaction__state")
        .annotate(
            walked=StringAgg(
                Case(
                    When(state=State.SKIPPED, then=Concat("name", Value(SKIPPED))),
                    When(tries__gt=1, then=Concat("name", Value(AGAIN))),
                    default=F("name"),
                    output_field=CharField(),
                ),
                delimiter=" ",
                ordering="position",
            )
        )
    )
    return {
        pk: f"{state} {way}"
        for pk, state, way in walked.values_list("transaction_id", "transaction__state", "walked")
    }


def key_of(way: str) -> str:
    """A short name for a way, to stand in an address."""
    return sha256(way.encode()).hexdigest()[:12]


def _variant(way: str, count: int) -> Variant:
    state, *walked = way.split()
    return Variant(
        key=key_of(way),
        count=count,
        state=state,
        steps=tuple(one.rstrip(AGAIN) for one in walked if not one.endswith(SKIPPED)),
        skipped=tuple(one.removesuffix(SKIPPED) for one in walked if one.endswith(SKIPPED)),
        again=tuple(one.removesuffix(AGAIN) for one in walked if one.endswith(AGAIN)),
    )


def slowest(
    scope: Scope, process: Workflow, now: datetime
) -> Sequence[tuple[Transaction, timedelta]]:
    """Those of the latest that took longest, or have been under way for longest, and how long."""
    took = ExpressionWrapper(
        Coalesce(F("ended_at"), Value(now)) - _began(process), output_field=DurationField()
    )
    found = (
        latest(scope, process.name)
        .filter(state__in=[*LIVE, *REACHED])
        .annotate(took=took)
        .filter(took__gt=timedelta(0))
        .order_by("-took", "-pk")
    )
    times = dict(found.values_list("pk", "took")[:SLOWEST])
    rows = Transaction.objects.filter(pk__in=times).select_related("entity")
    return sorted(((one, times[one.pk]) for one in rows), key=lambda pair: pair[1], reverse=True)
