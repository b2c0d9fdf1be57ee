"""A claim changes fence and lease alone: with the lease in no index and room on the page, that
writes the row and nothing else. What is being sent is little, and found by that."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transactions", "0019_pin_promises")]
    operations = [
        migrations.RemoveIndex("step", "steps_sending"),
        migrations.AddIndex(
            "step",
            models.Index(
                fields=["id"], condition=models.Q(("state", "sending")), name="steps_sending"
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE transactions_step SET (fillfactor = 70)",
            "ALTER TABLE transactions_step RESET (fillfactor)",
        ),
    ]
