"""Which letters stand together is decided by people too, and a cause can be parked."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


BY_THEIR_CAUSE = """
UPDATE incidents_deadletter letter SET fingerprint = cause.fingerprint
FROM incidents_cause cause WHERE cause.id = letter.cause_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0005_what_was_written_stays'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='cause',
            name='parked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='cause',
            name='wake_at_count',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='cause',
            name='wake_at_value',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name='deadletter',
            name='fingerprint',
            field=models.CharField(default='', max_length=32),
            preserve_default=False,
        ),
        migrations.RunSQL(BY_THEIR_CAUSE, migrations.RunSQL.noop),
        migrations.CreateModel(
            name='Grouping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=32)),
                ('by', models.CharField(blank=True, choices=[('', 'Everything'), ('entity', 'Legal entity'), ('client', 'Client or supplier')], max_length=8)),
                ('value', models.CharField(blank=True, max_length=200)),
                ('reason', models.CharField(max_length=300)),
                ('decided_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('cause', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='groupings', to='incidents.cause')),
                ('decided_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['decided_at', 'id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('fingerprint', 'by', 'value'), name='one_grouping_in_force')],
            },
        ),
    ]
