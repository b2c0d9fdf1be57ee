"""The body of an event may be removed by policy, once and with nothing else of it changed. What it
takes up is given back early: it may hold what people have a right to see gone."""

import django.db.models.deletion
from django.db import migrations, models

READ = ("accepted", "rejected", "duplicate", "superseded")
KEPT = """
CREATE OR REPLACE FUNCTION transactions_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.digest, NEW.source, NEW.event_id)
       IS DISTINCT FROM (OLD.digest, OLD.source, OLD.event_id) THEN
        RAISE EXCEPTION 'what was received is never changed';
    END IF;
    IF OLD.removal_id IS NULL AND NEW.removal_id IS NOT NULL THEN
        RETURN NEW;
    END IF;
    IF (NEW.raw, NEW.removal_id) IS DISTINCT FROM (OLD.raw, OLD.removal_id)
       OR OLD.removal_id IS NOT NULL AND NEW.record IS DISTINCT FROM OLD.record THEN
        RAISE EXCEPTION 'what was received is never changed';
    END IF;
    RETURN NEW;
END $$;
"""
AS_BEFORE = """
CREATE OR REPLACE FUNCTION transactions_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.raw, NEW.digest, NEW.source, NEW.event_id)
       IS DISTINCT FROM (OLD.raw, OLD.digest, OLD.source, OLD.event_id) THEN
        RAISE EXCEPTION 'what was received is never changed';
    END IF;
    RETURN NEW;
END $$;
"""
EARLY = """
ALTER TABLE transactions_inboundevent SET (
    autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.02)
"""
AS_USUAL = """
ALTER TABLE transactions_inboundevent RESET (
    autovacuum_vacuum_scale_factor, toast.autovacuum_vacuum_scale_factor)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("firm", "0013_withdraw_proposals"),
        ("transactions", "0031_missed_at_a_cut_off_in_order"),
    ]
    operations = [
        migrations.CreateModel(
            name="Removal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("kept_days", models.PositiveIntegerField()),
                ("bodies", models.PositiveIntegerField()),
                ("received_until", models.DateTimeField()),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="firm.policyversion",
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.AlterField(
            model_name="inboundevent",
            name="raw",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="inboundevent",
            name="removal",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="transactions.removal",
            ),
        ),
        migrations.AddIndex(
            model_name="inboundevent",
            index=models.Index(
                fields=["received_at", "id"],
                condition=models.Q(state__in=READ, removal=None),
                name="events_with_bodies",
            ),
        ),
        migrations.AddIndex(
            model_name="inboundevent",
            index=models.Index(
                fields=["removal"],
                condition=models.Q(removal__isnull=False),
                name="events_by_removal",
            ),
        ),
        migrations.AddConstraint(
            model_name="inboundevent",
            constraint=models.CheckConstraint(
                condition=models.Q(removal=None, raw__isnull=False)
                | models.Q(removal__isnull=False, raw=None, state__in=READ),
                name="body_kept_or_removed",
            ),
        ),
        migrations.RunSQL(KEPT, AS_BEFORE),
        migrations.RunSQL(EARLY, AS_USUAL),
    ]
