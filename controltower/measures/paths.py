"""Where a process's value stands now, stage by stage, beside how the latest have walked.

What stands now is everything that is live; what was walked is told by the latest (`walks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    Min,
    OuterRef,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from controltower.measures import walks
from controltower.measures.exposure import Scope, Stake, priced, stakes, transactions
from controltower.measures.walks import Ground, Walk
from controltower.processes.definition import Workflow
from controltower.transactions.models import Step
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.models.states import STUCK, UNDER_WAY
from controltower.transactions.protocol import FINISHED

GATHERING = "gathering"
"""Where what has no step yet stands: work that still gathers, or has just begun."""


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


def title_of(scope: Scope, process: str, step: str) -> str:
    """A step's title among the latest, "" where none of them has it."""
    some = Step.objects.filter(transaction__in=walks.latest(scope, process).values("pk"), name=step)
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


def stages(scope: Scope, process: Workflow, walked: Sequence[Walk]) -> Sequence[StageLine]:
    """Every stage in its order; first those that none of the latest has come to, such as
    gathering."""
    live = priced(transactions(scope).filter(process=process.name).live()).annotate(
        stands_at=stands_at(),
        is_stuck=Case(
            When(STUCK, then=Value(True)), default=Value(False), output_field=BooleanField()
        ),
    )
    found = stakes(live, "stands_at", "is_stuck")
    lines = lines_of(walks.grounds(walked), found)
    elsewhere = {name for name, _stuck in found} - {line.name for line in lines}
    unwalked = (Ground(name, "", 0, None, timedelta(0)) for name in sorted(elsewhere))
    return [*lines_of(list(unwalked), found), *lines]


def lines_of(
    grounds: Sequence[Ground], found: Mapping[tuple[Any, ...], Stake]
) -> Sequence[StageLine]:
    """Stages as the latest walked them, with what stands there by (stage, whether it is stuck)."""
    whole = sum((ground.took for ground in grounds), timedelta(0)) or timedelta(1)
    return [_line(found, ground, ground.took / whole) for ground in grounds]


def _line(found: Mapping[tuple[Any, ...], Stake], ground: Ground, share: float) -> StageLine:
    name = ground.name
    moving, stuck = found.get((name, False)) or Stake(), found.get((name, True)) or Stake()
    return StageLine(
        name=name or GATHERING,
        title=ground.title or name,
        passed=ground.passed,
        typical=ground.typical,
        share=share,
        moving=moving,
        stuck=stuck,
    )
