"""I4, I5, I6: one effect a key, no way out of an end, nothing forgotten."""

from __future__ import annotations

from typing import Any

from controltower.measures.checks.finding import (
    MOST_SHOWN,
    PATIENCE,
    WITHIN,
    Found,
    Span,
    rows,
    told,
)
from controltower.systems.models import Recovery
from controltower.transactions.models import Expectation, Transaction

PROVEN = """
SELECT step.idempotency_key, step.ref, proof.ref, step.system_id
FROM transactions_transaction tx JOIN transactions_step step ON step.transaction_id = tx.id
JOIN transactions_delivery proof
  ON proof.system_id = step.system_id AND proof.idempotency_key = step.idempotency_key
 AND proof.generation = step.generation
WHERE {transactions} AND step.state = 'verified' AND step.effect <> 'read'
  AND step.verb = 'upsert' AND proof.ref <> step.ref
LIMIT 20
"""
SHARED = """
SELECT step.idempotency_key, other.idempotency_key, step.ref, step.system_id
FROM transactions_transaction tx JOIN transactions_step step ON step.transaction_id = tx.id
JOIN transactions_delivery other
  ON other.system_id = step.system_id AND other.ref = step.ref
 AND other.idempotency_key <> step.idempotency_key
 AND split_part(other.idempotency_key, '.', 2) = split_part(step.idempotency_key, '.', 2)
WHERE {transactions} AND step.state = 'verified'
  AND step.verb = 'upsert' AND step.entity NOT IN ('customer', 'supplier', 'resource')
  AND step.ref <> ''
LIMIT 20
"""
SEEN = """
SELECT count(*) FROM transactions_transaction tx
JOIN transactions_step step ON step.transaction_id = tx.id
WHERE {transactions} AND step.state = 'verified' AND step.verb = 'upsert'
"""
UNFINISHED = """
SELECT tx.reference, tx.state FROM transactions_transaction tx
WHERE tx.state = 'verified' AND {transactions}
  AND EXISTS (SELECT 1 FROM transactions_step step WHERE step.transaction_id = tx.id
              AND step.state NOT IN ('verified', 'skipped'))
LIMIT 20
"""
ENDLESS = f"""
SELECT tx.reference, tx.state FROM transactions_transaction tx
WHERE tx.state IN ('verified', 'resolved_externally', 'cancelled', 'written_off', 'superseded')
  AND tx.ended_at IS NULL AND {WITHIN} LIMIT 20
"""  # noqa: S608 - our own words only
ENDED = """
SELECT count(*) FROM transactions_transaction tx WHERE tx.state = 'verified' AND {transactions}
"""


def _of(statement: str, span: Span) -> list[tuple[Any, ...]]:
    return rows(statement.format(transactions=span.transactions), **span.values)


def one_effect_per_key(span: Span) -> Found:
    """I4: a key's step shows the record that the key is proven to have made, and no two keys of
    the same step made one record. Customers and suppliers are shared by many; a person is by all
    that changes about them."""
    found = [*_of(PROVEN, span), *_of(SHARED, span)]
    systems = frozenset(row[3] for row in found)
    return Found(_of(SEEN, span)[0][0], told([row[:3] for row in found]), systems)


def ends_are_final(span: Span) -> Found:
    """I5: a verified transaction has only finished steps; an ended one says when. (A trigger
    refuses any other way out of an end.)"""
    endless = rows(ENDLESS, **span.values)
    return Found(_of(ENDED, span)[0][0], told([*_of(UNFINISHED, span), *endless]))


def nothing_forgotten(span: Span) -> Found:
    """I6: whatever is live has something that will move it, or someone to decide; whatever is
    overdue has been told. (A check constraint keeps expectations from having no date or owner.)"""
    lost = Transaction.objects.lost(span.now - PATIENCE).order_by("reference")
    names = list(lost.values_list("reference", flat=True)[:MOST_SHOWN])
    overdue = Expectation.objects.overdue(span.now - PATIENCE)
    if not Recovery.objects.open().exists():
        names += [str(row) for row in overdue.order_by("due_at", "pk")[:MOST_SHOWN]]
    return Found(Transaction.objects.live().count(), names[:MOST_SHOWN])
