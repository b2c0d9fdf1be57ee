"""What was posted since a month, and the latest jobs, are found without reading all there ever were.

The first holds one row for each invoice or credit note, written once, when it is proven.
"""

from django.db import migrations, models
from django.db.models.fields.json import KeyTransform


class Migration(migrations.Migration):
    dependencies = [("transactions", "0022_fewer_indexes_to_write")]
    operations = [
        migrations.AddIndex(
            "replayplan", models.Index(fields=["-requested_at", "-id"], name="plans_by_time")
        ),
        migrations.AddIndex(
            "step",
            models.Index(
                models.F("system"),
                KeyTransform("invoice_date", "values"),
                condition=models.Q(verb="post", state="verified"),
                name="steps_posted",
            ),
        ),
    ]
