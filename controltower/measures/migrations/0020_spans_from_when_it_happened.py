"""How long it took since it happened is summed beside how long its promise's clock ran, of the
processes that a measure asks this of; what does not say counts from its clock, and apart (`wait`).
What is known of the past is in the inbox, and looked up as far back as a measure reaches."""

import importlib

from django.db import migrations, models

last = importlib.import_module("controltower.measures.migrations.0018_arrivals_that_needed_a_person")

HAPPENED = """
UPDATE transactions_transaction AS tx SET happened_at = told.at
FROM (
    SELECT item.transaction_id AS id, min(event.occurred_at) AS at
    FROM transactions_item item
    JOIN transactions_inboundevent event ON event.id = item.event_id
    JOIN transactions_transaction whose ON whose.id = item.transaction_id
    WHERE item.process IN ('opportunity-to-project', 'time-and-expense-to-billing')
      AND (whose.ended_at IS NULL OR whose.ended_at > now() - interval '70 days')
    GROUP BY 1
) AS told
WHERE told.id = tx.id AND tx.happened_at IS NULL;
"""
SPAN = """
    UNION ALL
    SELECT 'span', '', '', CASE WHEN $10 IS NULL THEN 'clock' ELSE '' END,
           to_timestamp(floor(extract(epoch FROM $7) / 86400) * 86400),
           floor(ln(greatest(extract(epoch FROM $7 - coalesce($10, $8)), 1)) / ln(1.08))::int, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL AND $6 IS NOT NULL AND coalesce($10, $8) IS NOT NULL
      AND $1 IN ('opportunity-to-project', 'time-and-expense-to-billing')
$$;"""
FACTS = last.FACTS.replace(
    "needed_person boolean)", "needed_person boolean,\n    happened timestamptz)"
).replace("\n$$;", SPAN, 1)
TRIGGERS = (
    last.TRIGGERS.replace("tx.needed_person)", "tx.needed_person, tx.happened_at)")
    .replace("before.needed_person)", "before.needed_person, before.happened_at)")
    .replace("after.needed_person)", "after.needed_person, after.happened_at)")
)
FORGET = """
DELETE FROM measures_rollup WHERE kind = 'span';
DELETE FROM measures_delta WHERE kind = 'span';
"""
FIRST = """
INSERT INTO measures_rollup (kind, process, entity, currency, state, wait, at, grade, items, amount)
SELECT fact.kind, tx.process, coalesce(tx.entity_id, 0), fact.currency, fact.state, fact.wait,
       fact.at, fact.grade, count(*), sum(fact.amount)
FROM transactions_transaction tx
CROSS JOIN LATERAL rollup_facts(tx.process, tx.currency, tx.state, tx.wait, tx.amount, tx.due_at,
                                tx.ended_at, tx.clock_from, tx.needed_person, tx.happened_at)
    AS fact
WHERE fact.kind = 'span'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
"""
NEW_SHAPE = f"{last.NEW_SHAPE}, timestamptz"
KINDS = [
    ("standing", "Standing"),
    ("arrived", "Arrived"),
    ("day", "Day"),
    ("pace", "Pace"),
    ("span", "Span"),
    ("billed", "Billed"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("measures", "0019_what_was_billed"),
        ("transactions", "0029_keep_when_it_happened"),
    ]
    operations = [
        *(
            migrations.AlterField(name, "kind", models.CharField(choices=KINDS, max_length=8))
            for name in ("delta", "rollup", "figure")
        ),
        migrations.RunSQL(
            f"{last.last.GONE} DROP FUNCTION rollup_facts({last.NEW_SHAPE});"
            + HAPPENED
            + FACTS
            + TRIGGERS
            + FIRST,
            f"{last.last.GONE} DROP FUNCTION rollup_facts({NEW_SHAPE});"
            + last.FACTS
            + last.TRIGGERS
            + FORGET,
        ),
    ]
