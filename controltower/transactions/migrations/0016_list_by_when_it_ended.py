"""Lists of what has ended stand, and are found, by when it ended. Processes are not spread evenly
over legal entities: the planner is told, or it walks a whole process for an entity without it."""

from django.db import migrations, models

TOGETHER = """
CREATE STATISTICS tx_who_does_what (mcv) ON entity_id, process FROM transactions_transaction;
"""

class Migration(migrations.Migration):

    dependencies = [
        ('firm', '0003_keep_records_in_their_region'),
        ('transactions', '0015_list_what_missed_its_promise'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='transaction',
            name='tx_missed',
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(condition=models.Q(('state', 'verified')), fields=['process', '-ended_at', '-id'], include=('entity', 'due_at'), name='tx_ended'),
        ),
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(condition=models.Q(('ended_at__gt', models.F('due_at')), ('state', 'verified')), fields=['-ended_at', '-id'], name='tx_missed'),
        ),
        migrations.RunSQL(TOGETHER, "DROP STATISTICS tx_who_does_what"),
    ]
