"""What was posted is found by when it was proven: what it comes to, month by month, is summed."""

from django.db import migrations, models

POSTED = models.Q(verb="post", state="verified")


class Migration(migrations.Migration):
    dependencies = [("transactions", "0027_who_listens")]
    operations = [
        migrations.RemoveIndex("step", "steps_posted"),
        migrations.AddIndex(
            "step", models.Index(fields=["done_at"], condition=POSTED, name="steps_posted")
        ),
    ]
