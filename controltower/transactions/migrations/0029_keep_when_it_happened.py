"""When what a transaction is about came to be at its source stays with it: how long a firm takes is
measured from there, and not from when the tower heard of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transactions", "0028_postings_by_when_they_were_proven")]
    operations = [
        migrations.AddField(
            model_name="transaction",
            name="happened_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
