"""Each row of the log of calls was checked against its system, and so locked the one row that all
calls share."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("systems", "0010_watch_subscriptions")]
    operations = [
        migrations.AlterField(
            "call",
            "system",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="calls",
                to="systems.system",
            ),
        )
    ]
