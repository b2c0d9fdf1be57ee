"""Whom a transaction is yet to be told to, noted by the commit that brings it to its end.

What had come there before and was not told is noted here, by the rule of that day.
"""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

AUDIENCES = ["tower/fact", "tower/event"]
TELLING = ["facts-to-analytics", "facts-to-subscribers"]
NOT_TOLD_OF = [*TELLING, "quote-to-cash", "month-end-close"]
NOTE = """
    INSERT INTO transactions_untold (audience, transaction_id)
    SELECT audience, one.id
    FROM transactions_transaction one CROSS JOIN unnest(%s::text[]) audience
    WHERE (one.state = 'verified' OR one.state = 'resolved_externally' AND audience = 'tower/fact')
      AND one.entity_id IS NOT NULL AND one.amount <> 0
      AND one.process <> ALL (%s)
      AND NOT EXISTS (SELECT FROM transactions_inboundevent told
                      WHERE told.source = audience AND told.subject = 'fact:' || one.reference)
    ORDER BY one.ended_at, one.id"""


def note(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    with editor.connection.cursor() as cursor:
        cursor.execute(NOTE, [AUDIENCES, NOT_TOLD_OF])


class Migration(migrations.Migration):
    dependencies = [("transactions", "0023_postings_and_plans_by_time")]
    operations = [
        migrations.CreateModel(
            name="Untold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("audience", models.CharField(max_length=60)),
                (
                    "transaction",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.deletion.CASCADE,
                        related_name="+",
                        to="transactions.transaction",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [models.Index(fields=["audience", "id"], name="untold_by_audience")],
            },
        ),
        migrations.RunPython(note, migrations.RunPython.noop),
    ]
