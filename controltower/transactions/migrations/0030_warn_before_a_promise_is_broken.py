"""From when on a promise is at risk is kept with the transaction, so that it can be looked for. What
is under way gets it by the usual share of its time."""

from django.db import migrations, models

UNDER_WAY = """
UPDATE transactions_transaction
SET warns_at = clock_from + (due_at - clock_from) * coalesce((promise->>'warn_at')::int, 80) / 100.0
WHERE state IN ('accepted', 'in_progress', 'waiting', 'delivered', 'dead_lettered')
  AND due_at > clock_from
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0029_keep_when_it_happened")]
    operations = [
        migrations.AddField(
            model_name="transaction",
            name="warns_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(UNDER_WAY, migrations.RunSQL.noop),
    ]
