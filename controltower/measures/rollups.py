"""Figures over all transactions without reading them: rollups, and the deltas not folded yet.

A trigger appends what each statement changed to the deltas, in the same commit (decision 0012).
Whoever reads adds both up in one statement, so that a figure is exact at once. Folding moves deltas
into the rollup; it may run at any time, anywhere, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.transaction import atomic

from controltower.firm.models import LegalEntity
from controltower.firm.rights import entities_of
from controltower.measures.exposure import Scope
from controltower.measures.models import Figure, Kind
from controltower.transactions.models.states import LIVE

FOLD_LOCK = 7_203_002
GRADE_RATIO = 1.08
"""A grade of pace is this much longer than the one below: a time read from it is true to 4 %."""
NO_PROMISE, LATE, KEPT = 0, 1, 2
"""Grades of what arrived."""
PERSON = "person"
"""What that which arrived had waited for, where somebody was needed on the way."""
CLOCK = "clock"
"""From where a span is counted of which nobody knows when it happened."""
QUARTER = timedelta(minutes=15)

KEYS = "kind, at, process, entity, currency, state, wait, grade, system, month"
FOLD = """
WITH gone AS (DELETE FROM measures_delta RETURNING *)
INSERT INTO measures_rollup ({keys}, items, amount)
SELECT {keys}, sum(items), sum(amount) FROM gone
GROUP BY {keys} HAVING sum(items) <> 0 OR sum(amount) <> 0
ON CONFLICT ({keys}) DO UPDATE
SET items = measures_rollup.items + EXCLUDED.items,
    amount = measures_rollup.amount + EXCLUDED.amount
"""
DIFFERENCES = """
SELECT {keys}, sum(items), sum(amount)
FROM (
    SELECT fact.kind, fact.at, tx.process, coalesce(tx.entity_id, 0) AS entity, fact.currency,
           fact.state, fact.wait, fact.grade, 0 AS system, '' AS month, 1 AS items, fact.amount
    FROM transactions_transaction tx
    CROSS JOIN LATERAL rollup_facts(tx.process, tx.currency, tx.state, tx.wait, tx.amount,
                                    tx.due_at, tx.ended_at, tx.clock_from,
                                    tx.needed_person, tx.happened_at) AS fact
    WHERE {transactions}
    UNION ALL
    SELECT 'billed', paper.at, '', paper.entity, paper.currency, '', '', 0, paper.system,
           paper.month, 1, paper.amount
    FROM transactions_step step
    JOIN transactions_transaction tx ON tx.id = step.transaction_id
    CROSS JOIN LATERAL rollup_paper(step, tx) AS paper
    WHERE step.verb = 'post' AND step.state = 'verified' AND {papers}
    UNION ALL
    SELECT {keys}, -items, -amount FROM measures_figure WHERE {figures}
) AS both_ways
WHERE {figures}
GROUP BY {keys} HAVING sum(items) <> 0 OR sum(amount) <> 0
"""
"""The figures are chosen among before and after both sides are put together: the planner carries no
condition into a side whose columns are of another type, and would read all sums there are."""
CORRECT = "INSERT INTO measures_delta ({keys}, items, amount) "


def fold() -> int:
    """Move the deltas into the rollup; returns how many sums changed. One at a time: whoever
    finds another at it leaves it to them."""
    with atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLD_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(FOLD.format(keys=KEYS))
        return int(cursor.rowcount)


def differences(since: datetime | None = None) -> Sequence[tuple[Any, ...]]:
    """What a recount of transactions and papers finds otherwise: the keys, and by how many and how
    much the rollups are short; empty when they are right.

    With `since`, only what is live and what ended or was posted since then, by indexes; without,
    everything.
    """
    with connection.cursor() as cursor:
        cursor.execute(*_differences(since))
        return list(cursor.fetchall())


def rebuild() -> int:
    """Correct the rollups by appending what a recount finds otherwise; returns how many sums were
    wrong. One statement, hence one moment: workers go on meanwhile. Begins from nothing as well."""
    statement, values = _differences(None)
    with connection.cursor() as cursor:
        cursor.execute(CORRECT.format(keys=KEYS) + statement, values)
        wrong = int(cursor.rowcount)
    fold()
    return wrong


def _differences(since: datetime | None) -> tuple[str, dict[str, Any]]:
    if since is None:
        return _recount(transactions="true", papers="true", figures="true"), {}
    statement = _recount(
        transactions="tx.state = ANY(%(live)s) OR tx.state = 'verified' AND tx.ended_at >= %(day)s",
        papers="step.done_at >= %(day)s",
        figures="kind = 'standing' AND state = ANY(%(live)s)"
        " OR kind = ANY(%(dated)s) AND at >= %(day)s",
    )
    midnight = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    dated = [str(kind) for kind in Kind if kind != Kind.STANDING]
    return statement, {"live": [str(state) for state in LIVE], "dated": dated, "day": midnight}


def _recount(**conditions: str) -> str:
    return DIFFERENCES.format(keys=KEYS, **conditions)


def figures(scope: Scope, kind: Kind) -> QuerySet[Figure]:
    """The sums of a kind that the person may see, folded or not; add them up by what is asked."""
    codes = entities_of(scope.person)
    seen = Figure.objects.filter(kind=kind).order_by()
    if scope.entity:
        codes = frozenset({scope.entity}) & (codes if codes is not None else {scope.entity})
    if codes is None:
        return seen
    return seen.filter(entity__in=LegalEntity.objects.filter(code__in=codes).values("pk"))
