"""What was verified is also summed by the UTC day: two months are read without their quarters."""

from django.db import migrations, models

KINDS = [
    ("standing", "Standing"),
    ("arrived", "Arrived"),
    ("day", "Day"),
    ("pace", "Pace"),
]
FACTS = """
CREATE OR REPLACE FUNCTION rollup_facts(process text, currency text, state text, wait text,
                                        amount numeric, due timestamptz, ended timestamptz)
RETURNS TABLE (kind text, currency text, state text, wait text, at timestamptz, grade int,
               amount numeric)
LANGUAGE sql IMMUTABLE AS $$
    SELECT 'standing', $2, $3, $4, timestamptz '1970-01-01Z', 0, $5
    UNION ALL
    SELECT 'arrived', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 900) * 900),
           CASE WHEN $6 IS NULL THEN 0 WHEN $7 > $6 THEN 1 ELSE 2 END, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL
    {day}
    UNION ALL
    SELECT 'pace', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 86400) * 86400),
           floor(ln(greatest(extract(epoch FROM rollup_promise($1) + ($7 - $6)), 1))
                 / ln(1.08))::int, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL AND $6 IS NOT NULL
      AND rollup_promise($1) IS NOT NULL
$$;
"""
DAY = """
    UNION ALL
    SELECT 'day', '', '', '', to_timestamp(floor(extract(epoch FROM $7) / 86400) * 86400),
           CASE WHEN $6 IS NULL THEN 0 WHEN $7 > $6 THEN 1 ELSE 2 END, 0
    WHERE $3 = 'verified' AND $7 IS NOT NULL
"""
FIRST = """
INSERT INTO measures_rollup (kind, process, entity, currency, state, wait, at, grade, items, amount)
SELECT 'day', process, entity, '', '', '',
       to_timestamp(floor(extract(epoch FROM at) / 86400) * 86400), grade, sum(items), 0
FROM measures_figure WHERE kind = 'arrived' GROUP BY 2, 3, 7, 8;
"""
FORGET = """
DELETE FROM measures_rollup WHERE kind = 'day';
DELETE FROM measures_delta WHERE kind = 'day';
"""
PACES = """
CREATE INDEX rollup_paces ON measures_rollup (process, at) INCLUDE (entity, grade, items)
    WHERE kind = 'pace';
"""


class Migration(migrations.Migration):
    dependencies = [("measures", "0012_promise_of_staffing")]

    operations = [
        *(
            migrations.AlterField(
                model_name=name,
                name="kind",
                field=models.CharField(choices=KINDS, max_length=8),
            )
            for name in ("delta", "rollup", "figure")
        ),
        migrations.RunSQL(
            FACTS.format(day=DAY) + FIRST + PACES,
            FACTS.format(day="") + FORGET + "DROP INDEX rollup_paces;",
        ),
    ]
