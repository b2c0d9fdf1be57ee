"""Who is known here listens already, and has been told or is owed; others are owed nothing yet."""

from __future__ import annotations

from django.db import migrations, models

KNOWN = """
INSERT INTO transactions_listening (audience)
SELECT 'tower/fact' WHERE EXISTS (SELECT 1 FROM systems_system WHERE role = 'warehouse')
                      AND EXISTS (SELECT 1 FROM systems_system WHERE role = 'dashboards')
UNION ALL
SELECT 'tower/event' WHERE EXISTS (SELECT 1 FROM systems_system WHERE role = 'broker');
DELETE FROM transactions_untold
WHERE audience NOT IN (SELECT audience FROM transactions_listening);
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0026_keep_who_needed_a_person")]

    operations = [
        migrations.CreateModel(
            name="Listening",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("audience", models.CharField(max_length=60, unique=True)),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
