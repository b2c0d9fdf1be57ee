"""Incidents are led through states; runbooks and their runs."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


CLOSED_ARE_REVIEWED = """
UPDATE incidents_incident
SET state = 'reviewed', reviewed_at = resolved_at, reviewed_by = resolved_by, review = note
WHERE resolved_at IS NOT NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0003_incident'),
        ('systems', '0003_recovery'),
        ('transactions', '0010_find_proofs_by_record'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='IncidentEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('opened', 'Opened'), ('reopened', 'Back again'), ('acknowledged', 'Acknowledged'), ('handed', 'Handed over'), ('severity', 'Severity'), ('linked', 'Linked'), ('missed', 'Missed'), ('update', 'Update'), ('runbook', 'Runbook'), ('mitigated', 'Mitigated'), ('quiet', 'Quiet'), ('resolved', 'Resolved'), ('reviewed', 'Reviewed')], max_length=12)),
                ('actor', models.CharField(max_length=150)),
                ('text', models.CharField(max_length=1000)),
                ('figures', models.JSONField(default=list)),
            ],
            options={
                'verbose_name_plural': 'incident entries',
                'ordering': ['at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('running', 'Running'), ('halted', 'Halted'), ('completed', 'Done'), ('stopped', 'Stopped')], default='running', max_length=12)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-started_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Runbook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('title', models.CharField(max_length=120)),
            ],
            options={
                'ordering': ['title'],
            },
        ),
        migrations.CreateModel(
            name='RunbookVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('approval_pending', 'Waits for approval'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('expired', 'Expired'), ('deprecated', 'Replaced')], default='draft', max_length=16)),
                ('fits', models.JSONField(default=dict)),
                ('steps', models.JSONField(default=list)),
                ('note', models.CharField(blank=True, max_length=400)),
                ('created_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('comment', models.CharField(blank=True, max_length=400)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['runbook', '-number'],
            },
        ),
        migrations.CreateModel(
            name='RunStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('rule', models.JSONField()),
                ('state', models.CharField(choices=[('ahead', 'Not begun'), ('now', 'Now'), ('under_way', 'Under way'), ('done', 'Done'), ('failed', 'Failed'), ('skipped', 'Skipped')], default='ahead', max_length=10)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, max_length=400)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('evidence', models.JSONField(default=dict)),
                ('until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['run', 'position'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='incident',
            name='one_open_incident_per_subject',
        ),
        migrations.RenameField(
            model_name='incident',
            old_name='closed_at',
            new_name='acknowledge_by',
        ),
        migrations.RenameField(
            model_name='incident',
            old_name='closed_by',
            new_name='resolved_by',
        ),
        migrations.AddField(
            model_name='incident',
            name='causes',
            field=models.ManyToManyField(blank=True, related_name='incidents', to='incidents.cause'),
        ),
        migrations.AddField(
            model_name='incident',
            name='deputy',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='incident',
            name='missed',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='incident',
            name='opened_by',
            field=models.CharField(default='tower', max_length=150),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='incident',
            name='quiet_since',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='incident',
            name='resolved_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='incident',
            name='review',
            field=models.TextField(blank=True, max_length=4000),
        ),
        migrations.AddField(
            model_name='incident',
            name='reviewed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='incident',
            name='reviewed_by',
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name='incident',
            name='state',
            field=models.CharField(choices=[('triggered', 'Triggered'), ('acknowledged', 'Acknowledged'), ('mitigated', 'Mitigated'), ('resolved', 'Resolved'), ('reviewed', 'Reviewed')], default='triggered', max_length=12),
        ),
        migrations.AddField(
            model_name='incident',
            name='systems',
            field=models.ManyToManyField(blank=True, related_name='+', to='systems.system'),
        ),
        migrations.AddField(
            model_name='incident',
            name='times',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='incident',
            name='transactions',
            field=models.ManyToManyField(blank=True, related_name='+', to='transactions.transaction'),
        ),
        migrations.AddField(
            model_name='incident',
            name='update_by',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='incident',
            name='severity',
            field=models.CharField(choices=[('highest', 'Highest'), ('high', 'High'), ('moderate', 'Moderate')], max_length=8),
        ),
        migrations.AlterField(
            model_name='incident',
            name='subject',
            field=models.CharField(max_length=80),
        ),
        migrations.AlterField(
            model_name='incident',
            name='title',
            field=models.CharField(max_length=240),
        ),
        migrations.RunSQL(CLOSED_ARE_REVIEWED, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('triggered', 'acknowledged', 'mitigated'))), fields=('subject',), name='one_open_incident_per_subject'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('triggered', 'acknowledged', 'mitigated')), ('resolved_at__isnull', False), _connector='OR'), name='resolved_incidents_say_when'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'reviewed'), _negated=True), ('reviewed_at__isnull', False), _connector='OR'), name='reviewed_incidents_say_when'),
        ),
        migrations.AddField(
            model_name='incidententry',
            name='incident',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='incidents.incident'),
        ),
        migrations.AddField(
            model_name='run',
            name='cause',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='incidents.cause'),
        ),
        migrations.AddField(
            model_name='run',
            name='incident',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='incidents.incident'),
        ),
        migrations.AddField(
            model_name='run',
            name='started_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='runbookversion',
            name='author',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='runbookversion',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='runbookversion',
            name='runbook',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='incidents.runbook'),
        ),
        migrations.AddField(
            model_name='run',
            name='version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='incidents.runbookversion'),
        ),
        migrations.AddField(
            model_name='runstep',
            name='plan',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='transactions.replayplan'),
        ),
        migrations.AddField(
            model_name='runstep',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='incidents.run'),
        ),
        migrations.AddConstraint(
            model_name='runbookversion',
            constraint=models.UniqueConstraint(fields=('runbook', 'number'), name='one_runbook_number'),
        ),
        migrations.AddConstraint(
            model_name='runbookversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'approved')), fields=('runbook',), name='one_approved_runbook'),
        ),
        migrations.AddConstraint(
            model_name='runbookversion',
            constraint=models.CheckConstraint(condition=models.Q(('author', models.F('decided_by')), _negated=True), name='runbook_author_does_not_decide'),
        ),
        migrations.AddConstraint(
            model_name='runbookversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('decided_by__isnull', False), ('expires_at__isnull', False)), _connector='OR'), name='approved_runbooks_say_by_whom'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['running', 'halted'])), fields=('version', 'incident', 'cause'), name='one_run_at_a_time', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('incident__isnull', False), ('cause__isnull', False), _connector='OR'), name='runs_are_about_something'),
        ),
        migrations.AddConstraint(
            model_name='runstep',
            constraint=models.UniqueConstraint(fields=('run', 'position'), name='one_step_per_position'),
        ),
    ]
