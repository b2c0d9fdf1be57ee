"""I3: money in equals money out, per currency, in minor units."""

from __future__ import annotations

import json

from controltower.canonical.money import UnknownCurrency, minor_units
from controltower.measures.checks.finding import Found, Span, number, rows, told
from controltower.measures.models import Figure, Kind
from controltower.transactions.models import REACHED, TransactionState

MOST_COMMON_UNITS = 2
BILLING = "time-and-expense-to-billing"
PARTS = ("posted", "exceptions", "flight", "otherwise")
"""Where money is: posted, in exceptions, in flight, or ended otherwise."""

GATHERED = """
SELECT tx.reference, tx.amount, sum((item.record->>'amount')::numeric) AS facts
FROM transactions_transaction tx
JOIN transactions_item item ON item.transaction_id = tx.id
WHERE tx.process = %(billing)s AND {transactions}
GROUP BY tx.id
HAVING tx.amount <> round(sum((item.record->>'amount')::numeric)
    - CASE WHEN tx.state = ANY(%(reached)s) THEN {not_billed} ELSE {not_owed} END, 4) LIMIT 20
"""
FOUND = """coalesce((SELECT {parts} FROM transactions_step check_
    WHERE check_.transaction_id = tx.id AND check_.name = 'check'), 0)"""
"""What the check of the facts has found of some kinds."""
POSTED = """
SELECT tx.reference, step.values->>'untaxed' AS posted, facts.sum, step.system_id
FROM transactions_step step
JOIN transactions_transaction tx ON tx.id = step.transaction_id
CROSS JOIN LATERAL (
    SELECT sum(round((item.record->>'amount')::numeric,
                     coalesce((%(units)s::jsonb->>tx.currency)::int, 2))) AS sum
    FROM transactions_item item WHERE item.transaction_id = tx.id) facts
WHERE step.state = 'verified' AND {transactions}
  AND step.name = 'post' AND tx.process = %(billing)s
  AND (step.values->>'untaxed')::numeric <> facts.sum - {not_billed}
LIMIT 20
"""
SEEN = """
SELECT count(*) FROM transactions_step step
JOIN transactions_transaction tx ON tx.id = step.transaction_id
WHERE step.state = 'verified' AND {transactions} AND step.name = 'post'
"""


def balanced(span: Span) -> Found:
    """I3: a billing transaction is worth the sum of its facts less what a retainer covers or was
    taken back, and once it is over less what is above a cap; and what the ERP shows as posted is
    that too, each fact rounded as the invoice rounds it: half up to the minor unit."""
    not_owed = ("covered_amount", "withdrawn")
    parts = {
        "not_owed": _found(*not_owed),
        "not_billed": _found("left_out", *not_owed),
    }
    gathered, posted, seen = (
        statement.format(transactions=span.transactions, **parts)
        for statement in (GATHERED, POSTED, SEEN)
    )
    values = {"billing": BILLING, "units": _units(), "reached": list(REACHED)} | span.values
    short, wrong = rows(gathered, **values), rows(posted, **values)
    systems = frozenset(row[3] for row in wrong)
    return Found(number(seen, **values), told([*short, *(row[:3] for row in wrong)]), systems)


def _found(*kinds: str) -> str:
    parts = (f"coalesce((check_.values->>'{kind}')::numeric, 0)" for kind in kinds)
    return FOUND.format(parts=" + ".join(parts))


def _units() -> str:
    """The minor units of the currencies in use, for SQL."""
    standing = Figure.objects.filter(kind=Kind.STANDING).order_by()
    used = standing.values_list("currency", flat=True).distinct()
    return json.dumps({currency: _minor_units(currency) for currency in used})


def _minor_units(currency: str) -> int:
    try:
        return minor_units(currency)
    except UnknownCurrency:
        return MOST_COMMON_UNITS


def part_of(state: str) -> str:
    """Where the money of a billing transaction in this state is."""
    match state:
        case TransactionState.VERIFIED:
            return "posted"
        case TransactionState.DEAD_LETTERED:
            return "exceptions"
        case (
            TransactionState.RESOLVED_EXTERNALLY
            | TransactionState.SUPERSEDED
            | TransactionState.CANCELLED
            | TransactionState.WRITTEN_OFF
        ):
            return "otherwise"
    return "flight"
