"""When a month must be complete, which ERP said that it is open, and the surges around cut-offs."""

import datetime
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('firm', '0005_policies_stay_as_written'),
    ]

    operations = [
        migrations.AddField(
            model_name='legalentity',
            name='cut_off_day',
            field=models.PositiveSmallIntegerField(default=3, validators=[django.core.validators.MinValueValidator(1)]),
        ),
        migrations.AddField(
            model_name='legalentity',
            name='cut_off_time',
            field=models.TimeField(default=datetime.time(18, 0)),
        ),
        migrations.AddField(
            model_name='period',
            name='told_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='period',
            name='told_by',
            field=models.CharField(blank=True, max_length=50),
        ),
        migrations.CreateModel(
            name='Surge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.CharField(max_length=7)),
                ('began_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=300)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('end_reason', models.CharField(blank=True, max_length=300)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='surges', to='firm.legalentity')),
            ],
            options={
                'ordering': ['entity', '-began_at', 'id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('entity', 'month'), name='one_surge_at_a_time'), models.UniqueConstraint(condition=models.Q(('by__isnull', True)), fields=('entity', 'month'), name='one_surge_by_the_calendar'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('began_at'))), name='surge_ends_after_it_begins')],
            },
        ),
    ]
