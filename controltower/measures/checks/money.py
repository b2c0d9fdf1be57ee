"""I3: money in equals money out, per currency, in minor units."""

from __future__ import annotations

import json

from controltower.canonical.money import UnknownCurrency, minor_units
from controltower.measures.checks.finding import Found, Span, number, rows, told
from controltower.measures.models import Figure, Kind
from controltower.transactions.models import TransactionState

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
HAVING tx.amount <> round(sum((item.record->>'amount')::numeric) - {left_out}, 4) LIMIT 20
"""
LEFT_OUT = """coalesce((SELECT coalesce((check_.values->>'left_out')::numeric, 0)
                 + coalesce((check_.values->>'covered_amount')::numeric, 0)
                 + coalesce((check_.values->>'withdrawn')::numeric, 0)
    FROM transactions_step check_
    WHERE check_.transaction_id = tx.id AND check_.name = 'check'), 0)"""
"""What of the facts is above a contract's cap, covered by its retainer or taken back while it was
held, and stands on no invoice."""
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
  AND (step.values->>'untaxed')::numeric <> facts.sum - {left_out}
LIMIT 20
"""
SEEN = """
SELECT count(*) FROM transactions_step step
JOIN transactions_transaction tx ON tx.id = step.transaction_id
WHERE step.state = 'verified' AND {transactions} AND step.name = 'post'
"""


def balanced(span: Span) -> Found:
    """I3: a billing transaction is worth the sum of its facts less what is above a cap or covered
    by a retainer, and what the ERP shows as posted is that too, each fact rounded as the invoice
    rounds it: half up to the minor unit."""
    gathered, posted, seen = (
        statement.format(transactions=span.transactions, left_out=LEFT_OUT)
        for statement in (GATHERED, POSTED, SEEN)
    )
    values = {"billing": BILLING, "units": _units()} | span.values
    short, wrong = rows(gathered, **values), rows(posted, **values)
    systems = frozenset(row[3] for row in wrong)
    return Found(number(seen, **values), told([*short, *(row[:3] for row in wrong)]), systems)


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
