"""What must always hold. The numbering is that of `docs/correctness.md`.

I5 (no way out of an end) and I7 (four eyes) are also database triggers and constraints; they are
asked again here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from controltower.measures import rollups
from controltower.measures.checks import effects, events, money, people
from controltower.measures.checks.finding import Found, Invariant, Span, rows, told
from controltower.measures.models import Rollup

UNNOTED = """
SELECT DISTINCT tx.reference FROM incidents_deadletter letter
JOIN transactions_transaction tx ON tx.id = letter.transaction_id
WHERE letter.state <> 'resolved' AND NOT tx.needed_person
LIMIT 20
"""
EVENTS, TRANSACTIONS = "transactions_inboundevent", "transactions_transaction"


def figures_agree(span: Span) -> Found:
    """The rollups say what a recount says: of what is live, and of what ended since yesterday; and
    what waits for a person is noted to have needed one."""
    wrong = rollups.differences(span.now - timedelta(days=1))
    return Found(Rollup.objects.count(), [*told(wrong), *told(rows(UNNOTED))])


INVARIANTS = (
    Invariant("I1", "Every event is in exactly one state", events.in_one_state, table=EVENTS),
    Invariant("I2", "Every event is accounted for", events.accounted_for, table=EVENTS),
    Invariant("I3", "Money in equals money out", money.balanced, halts=True, table=TRANSACTIONS),
    Invariant(
        "I4", "One key has one effect", effects.one_effect_per_key, halts=True, table=TRANSACTIONS
    ),
    Invariant("I5", "Ends are final", effects.ends_are_final, table=TRANSACTIONS),
    Invariant("I6", "Nothing live is forgotten", effects.nothing_forgotten),
    Invariant("I7", "Four eyes are two people's", people.four_eyes),
    Invariant("I8", "The audit chain is unbroken", people.audit_whole),
    Invariant("I9", "Every amount follows from what was received", events.re_derivable),
    Invariant("I10", "Doubt has an owner", people.doubt_has_an_owner),
    Invariant("figures", "Figures equal a recount", figures_agree, lately=True),
)


def breaches(now: datetime) -> dict[str, Sequence[str]]:
    """Everything that is broken now, by invariant; empty when all hold."""
    found = {one.code: one.check(Span(now)).breaches for one in INVARIANTS}
    return {code: rows for code, rows in found.items() if rows}
