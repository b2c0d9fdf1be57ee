"""Attempts and the timeline grow with every step for ever: both are cut by the month.

A timeline entry's id becomes a UUIDv7. Those there are keep their order: the milliseconds run with
the entries, and the old number stands in the last sixty bits.
"""

import django.db.models.deletion
from django.db import migrations, models

from controltower.canonical.identity import new_id

ATTEMPTS = """
ALTER TABLE transactions_attempt RENAME TO transactions_attempt_whole;
CREATE TABLE transactions_attempt
    (LIKE transactions_attempt_whole INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
CREATE TABLE transactions_attempt_other PARTITION OF transactions_attempt DEFAULT
    WITH (fillfactor = 60);
CREATE UNIQUE INDEX ON transactions_attempt_other (step_id, number);
SELECT log_ahead('transactions_attempt', 'month',
                 least(now(), (SELECT min(started_at) FROM transactions_attempt_whole)),
                 now() + interval '3 months');
INSERT INTO transactions_attempt SELECT * FROM transactions_attempt_whole;
DROP TABLE transactions_attempt_whole;
ALTER TABLE transactions_attempt
    ADD PRIMARY KEY (id),
    ADD FOREIGN KEY (step_id) REFERENCES transactions_step (id) DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (mapping_version_id) REFERENCES mappings_mappingversion (id)
        DEFERRABLE INITIALLY DEFERRED;
"""
TIMELINE = """
ALTER TABLE transactions_timelineentry RENAME TO transactions_timelineentry_whole;
CREATE TABLE transactions_timelineentry (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind varchar(40) NOT NULL,
    step varchar(60) NOT NULL,
    actor varchar(150) NOT NULL,
    text varchar(600) NOT NULL,
    detail jsonb NOT NULL,
    transaction_id uuid NOT NULL
) PARTITION BY RANGE (id);
CREATE TABLE transactions_timelineentry_other PARTITION OF transactions_timelineentry DEFAULT;
SELECT log_ahead('transactions_timelineentry', 'month',
                 least(now(), (SELECT min(at) FROM transactions_timelineentry_whole)),
                 now() + interval '3 months');
INSERT INTO transactions_timelineentry
SELECT (left(log_bound(max(at) OVER (ORDER BY id))::text, 13) || '-7000-8'
            || lpad(to_hex(id), 15, '0'))::uuid,
       at, kind, step, actor, text, detail, transaction_id
FROM transactions_timelineentry_whole;
DROP TABLE transactions_timelineentry_whole;
ALTER TABLE transactions_timelineentry
    ADD PRIMARY KEY (id),
    ADD FOREIGN KEY (transaction_id) REFERENCES transactions_transaction (id)
        DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX timeline_of ON transactions_timelineentry (transaction_id, id);
"""


class Migration(migrations.Migration):
    """There is no way back by itself: restore the backup taken before."""

    dependencies = [
        ("mappings", "0001_initial"),
        ("systems", "0002_cut_logs_by_time"),
        ("transactions", "0005_show_what_was_set_aside"),
    ]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ATTEMPTS), migrations.RunSQL(TIMELINE)],
            state_operations=[
                migrations.RemoveConstraint("attempt", "one_attempt_per_number"),
                migrations.AlterField(
                    "attempt",
                    "step",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="transactions.step",
                    ),
                ),
                migrations.AlterField(
                    "attempt",
                    "mapping_version",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="mappings.mappingversion",
                    ),
                ),
                migrations.AlterField(
                    "timelineentry",
                    "id",
                    models.UUIDField(
                        default=new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField(
                    "timelineentry",
                    "transaction",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="timeline",
                        to="transactions.transaction",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            """
            ALTER TABLE transactions_step SET (autovacuum_vacuum_scale_factor = 0.02,
                autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
            """,
            """
            ALTER TABLE transactions_step RESET (autovacuum_vacuum_scale_factor,
                autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_delay);
            """,
        ),
    ]
