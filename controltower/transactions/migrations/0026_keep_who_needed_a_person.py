"""Whether somebody was needed stays with the transaction: what went by itself is listed and counted
without looking through all that was ever stuck."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transactions", "0025_transactions_keep_room")]
    operations = [
        migrations.AddField(
            model_name="transaction",
            name="needed_person",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                fields=["-ended_at", "-id"],
                include=("process", "entity"),
                condition=models.Q(state="verified", needed_person=True),
                name="tx_repaired",
            ),
        ),
    ]
