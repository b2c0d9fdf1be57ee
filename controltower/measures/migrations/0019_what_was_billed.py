"""What was billed is summed as it is proven: by system, company, currency and accounting month.

A paper is a step, its company and currency are its transaction's: each notes what of it changes.
Per row, and not per statement as the transactions' sums are: a step is written four times, and few
of these make or unmake a paper. The row's own condition tells, before anything is kept of it.
"""

from django.db import migrations, models

PAPER = """
CREATE FUNCTION rollup_paper(step transactions_step, tx transactions_transaction)
RETURNS TABLE (entity bigint, currency text, at timestamptz, system bigint, month text,
               amount numeric)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(tx.entity_id, 0), tx.currency,
           date_trunc('day', coalesce(step.done_at, timestamptz '1970-01-01Z'), 'UTC'),
           step.system_id, left(step.values->>'invoice_date', 7),
           CASE WHEN step.values->>'untaxed'
                     ~ '^-?\\d{1,15}(\\.\\d{1,20})?([eE](\\+\\d|-\\d\\d?))?$'
                THEN round((step.values->>'untaxed')::numeric, 4) ELSE tx.amount END
    WHERE step.verb = 'post' AND step.state = 'verified' AND step.system_id IS NOT NULL
      AND step.entity IN ('invoice', 'credit_note')
      AND step.values->>'invoice_date' ~ '^\\d{4}-\\d\\d-\\d\\d'
$$;
COMMENT ON FUNCTION rollup_paper IS
    'What one step adds to what was billed. A payload may hold anything: what is no amount is as '
    'it was sent, what is no date is of no month.';
"""
NOTES = """
CREATE FUNCTION rollup_note_paper(step transactions_step, tx transactions_transaction, sign int)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO measures_delta (kind, process, entity, currency, state, wait, at, grade, system,
                                month, items, amount)
    SELECT 'billed', '', entity, currency, '', '', at, 0, system, month, sign, sign * amount
    FROM rollup_paper(step, tx)
$$;

CREATE FUNCTION rollup_note_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    tx transactions_transaction;
BEGIN
    SELECT * INTO tx FROM transactions_transaction
    WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.transaction_id ELSE NEW.transaction_id END;
    IF TG_OP <> 'INSERT' THEN
        PERFORM rollup_note_paper(OLD, tx, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM rollup_note_paper(NEW, tx, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER rollup_paper_insert AFTER INSERT ON transactions_step FOR EACH ROW
    WHEN (NEW.verb = 'post' AND NEW.state = 'verified')
    EXECUTE FUNCTION rollup_note_step();
CREATE TRIGGER rollup_paper_delete AFTER DELETE ON transactions_step FOR EACH ROW
    WHEN (OLD.verb = 'post' AND OLD.state = 'verified')
    EXECUTE FUNCTION rollup_note_step();
CREATE TRIGGER rollup_paper_update AFTER UPDATE ON transactions_step FOR EACH ROW
    WHEN ((OLD.verb = 'post' AND OLD.state = 'verified'
           OR NEW.verb = 'post' AND NEW.state = 'verified')
          AND (OLD.verb, OLD.state, OLD.entity, OLD.system_id, OLD.done_at, OLD.values)
              IS DISTINCT FROM
              (NEW.verb, NEW.state, NEW.entity, NEW.system_id, NEW.done_at, NEW.values))
    EXECUTE FUNCTION rollup_note_step();

CREATE FUNCTION rollup_note_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM rollup_note_paper(step, OLD, -1), rollup_note_paper(step, NEW, 1)
    FROM transactions_step step WHERE step.transaction_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER rollup_papers AFTER UPDATE ON transactions_transaction FOR EACH ROW
    WHEN ((OLD.entity_id, OLD.currency, OLD.amount)
          IS DISTINCT FROM (NEW.entity_id, NEW.currency, NEW.amount))
    EXECUTE FUNCTION rollup_note_papers();
"""
FIRST = """
INSERT INTO measures_rollup (kind, process, entity, currency, state, wait, at, grade, system, month,
                             items, amount)
SELECT 'billed', '', paper.entity, paper.currency, '', '', paper.at, 0, paper.system, paper.month,
       count(*), sum(paper.amount)
FROM transactions_step step
JOIN transactions_transaction tx ON tx.id = step.transaction_id
CROSS JOIN LATERAL rollup_paper(step, tx) AS paper
WHERE step.verb = 'post' AND step.state = 'verified'
GROUP BY 3, 4, 7, 9, 10;
"""
GONE = """
DROP TRIGGER rollup_papers ON transactions_transaction;
DROP FUNCTION rollup_note_papers;
DROP FUNCTION rollup_note_step CASCADE;
DROP FUNCTION rollup_note_paper, rollup_paper;
DELETE FROM measures_rollup WHERE kind = 'billed';
DELETE FROM measures_delta WHERE kind = 'billed';
"""
VIEW = """
CREATE OR REPLACE VIEW measures_figure AS
    SELECT * FROM measures_rollup UNION ALL SELECT * FROM measures_delta;
"""
KINDS = [
    ("standing", "Standing"),
    ("arrived", "Arrived"),
    ("day", "Day"),
    ("pace", "Pace"),
    ("billed", "Billed"),
]
KEY = ["kind", "at", "process", "entity", "currency", "state", "wait", "grade", "system", "month"]


class Migration(migrations.Migration):
    dependencies = [
        ("measures", "0018_arrivals_that_needed_a_person"),
        ("transactions", "0028_postings_by_when_they_were_proven"),
    ]
    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, VIEW),
        *(
            migrations.AlterField(name, "kind", models.CharField(choices=KINDS, max_length=8))
            for name in ("delta", "rollup", "figure")
        ),
        *(
            migrations.AddField(name, *field)
            for name in ("delta", "rollup", "figure")
            for field in (
                ("system", models.BigIntegerField(db_default=0)),
                ("month", models.CharField(max_length=7, db_default="")),
            )
        ),
        migrations.RunSQL(VIEW, "DROP VIEW measures_figure;"),
        migrations.RemoveConstraint("rollup", "one_rollup_per_key"),
        migrations.AddConstraint(
            "rollup", models.UniqueConstraint(fields=KEY, name="one_rollup_per_key")
        ),
        migrations.AddIndex(
            "rollup",
            models.Index(
                fields=["month", "system"], condition=models.Q(kind="billed"), name="rollup_billed"
            ),
        ),
        migrations.RunSQL(PAPER + NOTES + FIRST, GONE),
    ]
