"""Stages and the slowest as pages of processes draw them: each figure with the list behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from controltower.firm.models import Person
from controltower.measures import paths, walks
from controltower.measures.exposure import Stake
from controltower.transactions.models import Transaction
from controltower.web import process_words
from controltower.web.charts import funnel
from controltower.web.charts.value import Part
from controltower.web.stakes import money
from controltower.web.transaction_list import rows_of

MOST_VARIANTS = 8
"""Rarer ways are counted together."""


def stage_rows(
    found: Sequence[paths.StageLine], begun: int, urls: Callable[[paths.StageLine], dict[str, str]]
) -> Sequence[dict[str, Any]]:
    """What processes/_stages.html draws; `urls` are the lists behind a stage's figures."""
    most = max((money(stage.standing).minor for stage in found), default=0)
    return [
        {
            "name": stage.name,
            "title": process_words.stage_title(stage),
            "passed": stage.passed,
            "passed_bar": funnel.passed(stage.passed, begun),
            "typical": stage.typical,
            "share": stage.share,
            "standing": stage.standing.count,
            "value": money(stage.standing),
            "value_bar": funnel.standing(stage.name, part(stage.moving), part(stage.stuck), most),
            "stuck": stage.stuck.count,
            "stuck_value": money(stage.stuck),
            **urls(stage),
        }
        for stage in found
    ]


def part(stake: Stake) -> Part:
    """A stake as the drawings take it."""
    return Part(stake.count, money(stake))


def slowest_rows(
    person: Person, walked: Sequence[walks.Walk], now: datetime
) -> Sequence[dict[str, Any]]:
    """Those of the latest that took longest."""
    found = walks.slowest(walked, now)
    rows = rows_of([transaction for transaction, _took in found], person, now)
    return [
        {"row": row, "took": took, "over": _is_over(transaction, now)}
        for row, (transaction, took) in zip(rows, found, strict=True)
    ]


def _is_over(one: Transaction, now: datetime) -> bool:
    """Whether it has broken its promise, or had by now if it is under way."""
    return one.due_at is not None and (one.ended_at or now) > one.due_at
