"""What arrives while a recovery lasts is told from what had to be read again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("systems", "0016_planned_downtimes")]
    operations = [
        migrations.AddField(
            "recovery", "read_at", models.DateTimeField(blank=True, null=True)
        ),
    ]
