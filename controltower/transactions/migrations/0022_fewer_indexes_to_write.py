"""A change of state writes a row into every index of its table: what nobody looks for is in none.

One index over the beginnings of words also finds whole ones, so that a chain's name and a reference
need no second. Only what tries to leave an end is stopped to be told that it may not.
"""

import django.db.models.deletion
from django.db import migrations, models

ONLY_ENDS = """
DROP TRIGGER end_is_final ON transactions_transaction;
CREATE TRIGGER end_is_final BEFORE UPDATE ON transactions_transaction FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND OLD.state IN
          ('verified', 'resolved_externally', 'superseded', 'cancelled', 'written_off'))
    EXECUTE FUNCTION transactions_end_is_final();
"""
ALL = """
DROP TRIGGER end_is_final ON transactions_transaction;
CREATE TRIGGER end_is_final BEFORE UPDATE ON transactions_transaction
    FOR EACH ROW EXECUTE FUNCTION transactions_end_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("systems", "0009_feed_expiry"),
        ("transactions", "0021_pauses_of_promises"),
    ]
    operations = [
        migrations.AlterField("step", "fingerprint", models.CharField(blank=True, max_length=32)),
        migrations.AlterField(
            "step",
            "system",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="systems.system",
            ),
        ),
        migrations.RemoveIndex("step", "steps_mapped"),
        migrations.AddIndex(
            "step",
            models.Index(
                condition=models.Q(("mapping_version__isnull", False)),
                fields=["mapping_version", "-id"],
                name="steps_mapped",
            ),
        ),
        migrations.AlterField("transaction", "correlation_id", models.CharField(max_length=60)),
        migrations.AddIndex(
            "transaction",
            models.Index(
                fields=["correlation_id"], name="tx_by_chain", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AlterField("transaction", "reference", models.CharField(max_length=40)),
        migrations.AddConstraint(
            "transaction",
            models.UniqueConstraint(
                fields=("reference",),
                name="one_reference_each",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        migrations.RunSQL(ONLY_ENDS, ALL),
    ]
