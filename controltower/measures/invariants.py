"""What must always hold, asked of the database. Each check returns the breaches it found.

The numbering is that of `docs/correctness.md`. I5 (no way out of an end) and I7 (four eyes) are
also database triggers and constraints; they are asked again here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F

from controltower.firm import audit
from controltower.firm.models import Approval
from controltower.mappings.models import Review
from controltower.measures import rollups
from controltower.transactions.models import EventState, InboundEvent, Transaction

PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule, in one sentence, and how to find what breaks it."""

    code: str
    title: str
    breaches: Callable[[datetime], Sequence[str]]


def _rows(sql: str, *parameters: datetime) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [" · ".join(str(value) for value in row) for row in cursor.fetchall()]


def events_unread(now: datetime) -> Sequence[str]:
    """I1/I2: an accepted event feeds a transaction or says why not; none is left unread."""
    late = InboundEvent.objects.filter(
        state=EventState.RECEIVED, received_at__lt=now - PATIENCE
    ).values_list("event_id", flat=True)[:20]
    silent = _rows(
        """SELECT event.source, event.event_id FROM transactions_inboundevent event
           WHERE event.state = 'accepted' AND event.reason = ''
             AND NOT EXISTS (SELECT 1 FROM transactions_item item
                             WHERE item.process <> '' AND item.source = event.source
                               AND item.source_id = event.record->>'source_id')
           LIMIT 20"""
    )
    return [*late, *silent]


def money_in_is_money_out(_now: datetime) -> Sequence[str]:
    """I3: what a billing transaction is worth is the sum of the facts in it, to the cent, and
    what the ERP confirmed is what the transaction is worth."""
    gathered = _rows(
        """SELECT tx.reference, tx.amount, sum((item.record->>'amount')::numeric)
           FROM transactions_transaction tx JOIN transactions_item item
             ON item.transaction_id = tx.id
           WHERE tx.process = 'time-and-expense-to-billing'
           GROUP BY tx.id HAVING tx.amount <> sum((item.record->>'amount')::numeric) LIMIT 20"""
    )
    posted = _rows(
        """SELECT tx.reference, tx.amount, step.values->>'untaxed'
           FROM transactions_transaction tx JOIN transactions_step step
             ON step.transaction_id = tx.id AND step.name = 'post' AND step.state = 'verified'
           WHERE round((step.values->>'untaxed')::numeric, 2) <> round(tx.amount, 2) LIMIT 20"""
    )
    return [*gathered, *posted]


def one_effect_per_key(_now: datetime) -> Sequence[str]:
    """I4: one key has one record in the target, and one created record one key."""
    return _rows(
        """SELECT step.system_id, step.entity, step.ref, count(DISTINCT step.idempotency_key)
           FROM transactions_step step
           WHERE step.verb = 'upsert' AND step.ref <> '' AND step.entity <> 'customer'
             AND step.state IN ('acked', 'verified')
           GROUP BY step.system_id, step.entity, step.ref
           HAVING count(DISTINCT step.idempotency_key) > 1 LIMIT 20"""
    )


def ends_are_final(_now: datetime) -> Sequence[str]:
    """I5: a verified transaction has only finished steps; an ended one says when."""
    return _rows(
        """SELECT tx.reference, tx.state FROM transactions_transaction tx
           WHERE (tx.state = 'verified' AND EXISTS (
                      SELECT 1 FROM transactions_step step WHERE step.transaction_id = tx.id
                        AND step.state NOT IN ('verified', 'skipped')))
              OR (tx.state IN ('verified', 'resolved_externally', 'cancelled', 'written_off',
                               'superseded') AND tx.ended_at IS NULL)
           LIMIT 20"""
    )


def nothing_forgotten(now: datetime) -> Sequence[str]:
    """I6: whatever is live has something that will move it, or someone to decide."""
    return list(Transaction.objects.lost(now - PATIENCE).values_list("reference", flat=True)[:20])


def four_eyes(_now: datetime) -> Sequence[str]:
    """I7: nobody has approved what they asked for or wrote."""
    own = Approval.objects.filter(decided_by=F("requested_by")).values_list("subject", flat=True)
    reviews = Review.objects.filter(author=F("reviewer")).values_list("version__pk", flat=True)
    return [*own, *(f"mapping version {pk}" for pk in reviews)]


def audit_unbroken(_now: datetime) -> Sequence[str]:
    """I8: every audit entry seals the one before."""
    broken = audit.first_break()
    return [f"entry {broken.pk}"] if broken else []


def doubt_has_an_owner(now: datetime) -> Sequence[str]:
    """I10: nothing in doubt beyond its promise without somebody who decides."""
    return _rows(
        """SELECT tx.reference FROM incidents_deadletter letter
           JOIN incidents_cause cause ON cause.id = letter.cause_id
           JOIN transactions_transaction tx ON tx.id = letter.transaction_id
           WHERE letter.state <> 'resolved' AND cause.kind = 'unknown'
             AND cause.owner_id IS NULL AND tx.due_at < %s LIMIT 20""",
        now,
    )


def figures_agree(now: datetime) -> Sequence[str]:
    """The rollups say what a recount says: of what is live, and of what ended since yesterday."""
    found = rollups.differences(now - timedelta(days=1))[:20]
    return [" · ".join(str(part) for part in row) for row in found]


INVARIANTS = (
    Invariant("I1", "Every event is in exactly one state, and accounted for", events_unread),
    Invariant("I3", "Money in equals money out", money_in_is_money_out),
    Invariant("I4", "One key has one effect", one_effect_per_key),
    Invariant("I5", "Ends are final", ends_are_final),
    Invariant("I6", "Nothing live is forgotten", nothing_forgotten),
    Invariant("I7", "Four eyes are two people's", four_eyes),
    Invariant("I8", "The audit chain is unbroken", audit_unbroken),
    Invariant("I10", "Doubt has an owner", doubt_has_an_owner),
    Invariant("figures", "Figures equal a recount", figures_agree),
)


def breaches(now: datetime) -> dict[str, Sequence[str]]:
    """Everything that is broken now, by invariant; empty when all hold."""
    found = {invariant.code: invariant.breaches(now) for invariant in INVARIANTS}
    return {code: rows for code, rows in found.items() if rows}
