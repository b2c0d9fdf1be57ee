"""How long something took is counted from when its promise's clock began, which a transaction
keeps; for those of before, from what its process promised then."""

import importlib

from django.db import migrations

days = importlib.import_module("controltower.measures.migrations.0013_days_of_arrivals")
before = importlib.import_module("controltower.measures.migrations.0002_rollups_follow_transactions")

FACTS = """
DROP FUNCTION rollup_facts(text, text, text, text, numeric, timestamptz, timestamptz);
CREATE FUNCTION rollup_facts(process text, currency text, state text, wait text, amount numeric,
                             due timestamptz, ended timestamptz, clock timestamptz)
RETURNS TABLE (kind text, currency text, state text, wait text, at timestamptz, grade int,
               amount numeric)
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'standing', $2, $3, $4, timestamptz '1970-01-01Z', 0, $5
    UNION ALL
    SELECT 'arrived', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 900) * 900),
           CASE WHEN $6 IS NULL THEN 0 WHEN $7 > $6 THEN 1 ELSE 2 END, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL
    UNION ALL
    SELECT 'day', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 86400) * 86400),
           CASE WHEN $6 IS NULL THEN 0 WHEN $7 > $6 THEN 1 ELSE 2 END, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL
    UNION ALL
    SELECT 'pace', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 86400) * 86400),
           floor(ln(greatest(extract(epoch FROM $7 - coalesce($8, $6 - rollup_promise($1))), 1))
                 / ln(1.08))::int, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL AND $6 IS NOT NULL
      AND coalesce($8, $6 - rollup_promise($1)) IS NOT NULL
$$;
COMMENT ON FUNCTION rollup_facts IS 'What one transaction adds to the sums';
"""
TRIGGERS = (
    before.TRIGGERS.replace("tx.due_at, tx.ended_at)", "tx.due_at, tx.ended_at, tx.clock_from)")
    .replace("before.due_at, before.ended_at)", "before.due_at, before.ended_at, before.clock_from)")
    .replace("after.due_at, after.ended_at)", "after.due_at, after.ended_at, after.clock_from)")
)
GONE = "DROP FUNCTION rollup_note_insert, rollup_note_update, rollup_note_delete CASCADE;"
OLD_FACTS = (
    "DROP FUNCTION rollup_facts(text, text, text, text, numeric, timestamptz, timestamptz, "
    "timestamptz);" + days.FACTS.format(day=days.DAY)
)


class Migration(migrations.Migration):
    dependencies = [
        ("measures", "0015_promise_of_revenue"),
        ("transactions", "0019_pin_promises"),
    ]
    operations = [
        migrations.RunSQL(GONE + FACTS + TRIGGERS, GONE + OLD_FACTS + before.TRIGGERS)
    ]
