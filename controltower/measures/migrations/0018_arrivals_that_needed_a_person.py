"""What was verified is summed apart where a person had been needed (`wait`); what is known of the
past is in the dead letters."""

import importlib

from django.db import migrations

last = importlib.import_module("controltower.measures.migrations.0016_pace_from_the_clock")

NEEDED = """
UPDATE transactions_transaction AS tx SET needed_person = true
FROM incidents_deadletter AS letter
WHERE letter.transaction_id = tx.id AND NOT tx.needed_person;
"""
OLD_SHAPE = "text, text, text, text, numeric, timestamptz, timestamptz, timestamptz"
OLD_FACTS = last.FACTS[last.FACTS.index("CREATE FUNCTION") :]
FACTS = (
    OLD_FACTS.replace("clock timestamptz)", "clock timestamptz, needed_person boolean)")
    .replace("'arrived', '', '', '',", "'arrived', '', '', CASE WHEN $9 THEN 'person' ELSE '' END,")
    .replace("'day', '', '', '',", "'day', '', '', CASE WHEN $9 THEN 'person' ELSE '' END,")
)
TRIGGERS = (
    last.TRIGGERS.replace("tx.clock_from)", "tx.clock_from, tx.needed_person)")
    .replace("before.clock_from)", "before.clock_from, before.needed_person)")
    .replace("after.clock_from)", "after.clock_from, after.needed_person)")
)
FORGET = """
DELETE FROM measures_rollup WHERE kind IN ('arrived', 'day');
DELETE FROM measures_delta WHERE kind IN ('arrived', 'day');
"""
AGAIN = """
INSERT INTO measures_rollup (kind, process, entity, currency, state, wait, at, grade, items, amount)
SELECT fact.kind, tx.process, coalesce(tx.entity_id, 0), fact.currency, fact.state, fact.wait,
       fact.at, fact.grade, count(*), sum(fact.amount)
FROM transactions_transaction tx
CROSS JOIN LATERAL rollup_facts(tx.process, tx.currency, tx.state, tx.wait, tx.amount, tx.due_at,
                                tx.ended_at, tx.clock_from{needed}) AS fact
WHERE fact.kind IN ('arrived', 'day')
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
"""
NEW_SHAPE = f"{OLD_SHAPE}, boolean"


class Migration(migrations.Migration):
    dependencies = [
        ("measures", "0017_standings"),
        ("transactions", "0026_keep_who_needed_a_person"),
        ("incidents", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(
            f"{last.GONE} DROP FUNCTION rollup_facts({OLD_SHAPE}); {NEEDED} {FACTS} {TRIGGERS}"
            + FORGET
            + AGAIN.format(needed=", tx.needed_person"),
            f"{last.GONE} DROP FUNCTION rollup_facts({NEW_SHAPE});"
            + OLD_FACTS
            + last.TRIGGERS
            + FORGET
            + AGAIN.format(needed=""),
        )
    ]
