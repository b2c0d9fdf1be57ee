"""By when a month must be complete is agreed upon with the calendar of its company."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('firm', '0007_tolerate_small_differences'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='legalentity',
            name='cut_off_day',
        ),
        migrations.RemoveField(
            model_name='legalentity',
            name='cut_off_time',
        ),
    ]
