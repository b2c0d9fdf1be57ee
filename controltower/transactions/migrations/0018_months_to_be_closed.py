"""Which accounting month a transaction moves money in; what is live already is told by its facts."""

from django.db import migrations, models

OF_FACTS = """
UPDATE transactions_transaction SET month = known.month
FROM (SELECT item.transaction_id,
             min(left(coalesce(item.record ->> 'on', item.record ->> 'to_date'), 7)) AS month
      FROM transactions_item item
      JOIN transactions_transaction its ON its.id = item.transaction_id
      WHERE its.process IN ('time-and-expense-to-billing', 'time-to-cost-reporting',
                            'spend-to-project-cost', 'payroll-to-cost-reporting')
        AND its.state IN ('accepted', 'in_progress', 'waiting', 'delivered', 'dead_lettered')
      GROUP BY item.transaction_id) known
WHERE known.transaction_id = transactions_transaction.id
  AND known.month ~ '^2[01][0-9]{2}-[0-9]{2}$'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("firm", "0006_surges_and_cut_offs"),
        ("transactions", "0017_find_what_a_mapping_sent"),
    ]

    operations = [
        migrations.AddField(
            model_name="transaction",
            name="month",
            field=models.CharField(blank=True, db_default="", default="", max_length=7),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        ["accepted", "in_progress", "waiting", "delivered", "dead_lettered"],
                    ),
                    models.Q(("month", ""), _negated=True),
                ),
                fields=["entity", "month"],
                name="tx_before_close",
            ),
        ),
        migrations.RunSQL(OF_FACTS, migrations.RunSQL.noop),
    ]
