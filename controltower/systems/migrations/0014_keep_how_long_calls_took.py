"""Calls are forgotten after two days: what they took stays, by the day. What was lost is listed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("systems", "0013_say_since_when_a_feed_is_read")]
    operations = [
        migrations.CreateModel(
            name="CallPace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("grade", models.PositiveSmallIntegerField()),
                ("calls", models.PositiveBigIntegerField()),
                ("lost", models.PositiveBigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "grade"), name="one_pace_per_day_and_grade"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                fields=["-id"], condition=models.Q(reached=False), name="calls_that_got_lost"
            ),
        ),
    ]
