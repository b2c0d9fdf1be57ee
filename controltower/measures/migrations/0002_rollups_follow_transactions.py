"""Every change of a transaction appends what it changes in the sums, in its own commit.

`rollup_promise` repeats what the processes promise (a test compares them): a promise that changes
takes a migration that replaces the function, and `manage.py rollups rebuild`.
"""

from django.db import migrations

FACTS = """
CREATE FUNCTION rollup_promise(process text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE process WHEN 'opportunity-to-project' THEN interval '8 hours'
                        WHEN 'time-and-expense-to-billing' THEN interval '4 hours'
                        WHEN 'time-to-cost-reporting' THEN interval '24 hours' END
$$;

CREATE FUNCTION rollup_facts(process text, currency text, state text, wait text, amount numeric,
                             due timestamptz, ended timestamptz)
RETURNS TABLE (kind text, currency text, state text, wait text, at timestamptz, grade int,
               amount numeric)
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'standing', $2, $3, $4, timestamptz '1970-01-01Z', 0, $5
    UNION ALL
    SELECT 'arrived', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 900) * 900),
           CASE WHEN $6 IS NULL THEN 0 WHEN $7 > $6 THEN 1 ELSE 2 END, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL
    UNION ALL
    SELECT 'pace', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 86400) * 86400),
           floor(ln(greatest(extract(epoch FROM rollup_promise($1) + ($7 - $6)), 1))
                 / ln(1.08))::int, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL AND $6 IS NOT NULL
      AND rollup_promise($1) IS NOT NULL
$$;
COMMENT ON FUNCTION rollup_facts IS 'What one transaction adds to the sums';

CREATE VIEW measures_figure AS
    SELECT * FROM measures_rollup UNION ALL SELECT * FROM measures_delta;
"""

NOTE = """
CREATE FUNCTION rollup_note_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO measures_delta (kind, process, entity, currency, state, wait, at, grade, items,
                                amount)
    SELECT fact.kind, tx.process, coalesce(tx.entity_id, 0), fact.currency, fact.state, fact.wait,
           fact.at, fact.grade, sum(tx.sign), sum(tx.sign * fact.amount)
    FROM ({changes}) AS tx
    CROSS JOIN LATERAL rollup_facts(tx.process, tx.currency, tx.state, tx.wait, tx.amount,
                                    tx.due_at, tx.ended_at) AS fact
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    HAVING sum(tx.sign) <> 0 OR sum(tx.sign * fact.amount) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER rollup_{name} AFTER {name} ON transactions_transaction
    REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION rollup_note_{name}();
"""
OLD, NEW = "OLD TABLE AS before", "NEW TABLE AS after"
CHANGED = """FROM before JOIN after USING (id)
        WHERE (before.process, before.entity_id, before.currency, before.state, before.wait,
               before.amount, before.due_at, before.ended_at)
          IS DISTINCT FROM (after.process, after.entity_id, after.currency, after.state, after.wait,
                            after.amount, after.due_at, after.ended_at)"""
TRIGGERS = "".join(
    NOTE.format(name=name, tables=tables, changes=changes)
    for name, tables, changes in (
        ("insert", NEW, "SELECT 1 AS sign, after.* FROM after"),
        ("delete", OLD, "SELECT -1 AS sign, before.* FROM before"),
        (
            "update",
            f"{OLD} {NEW}",
            f"SELECT -1 AS sign, before.* {CHANGED} UNION ALL SELECT 1, after.* {CHANGED}",
        ),
    )
)
FIRST = """
INSERT INTO measures_rollup (kind, process, entity, currency, state, wait, at, grade, items, amount)
SELECT fact.kind, tx.process, coalesce(tx.entity_id, 0), fact.currency, fact.state, fact.wait,
       fact.at, fact.grade, count(*), sum(fact.amount)
FROM transactions_transaction tx
CROSS JOIN LATERAL rollup_facts(tx.process, tx.currency, tx.state, tx.wait, tx.amount, tx.due_at,
                                tx.ended_at) AS fact
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
ALTER TABLE measures_delta SET (autovacuum_vacuum_scale_factor = 0,
                                autovacuum_vacuum_threshold = 1000);
"""
BACKWARD = """
DROP FUNCTION rollup_note_insert, rollup_note_update, rollup_note_delete CASCADE;
DROP VIEW measures_figure;
DROP FUNCTION rollup_facts, rollup_promise;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("measures", "0001_rollups"),
        ("transactions", "0006_cut_attempts_and_timeline_by_month"),
    ]
    operations = [migrations.RunSQL(FACTS + TRIGGERS + FIRST, BACKWARD)]
