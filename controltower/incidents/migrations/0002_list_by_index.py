import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0001_initial'),
        ('transactions', '0008_find_and_list_by_index'),
    ]

    operations = [
        migrations.AlterField(
            model_name='deadletter',
            name='cause',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='letters', to='incidents.cause'),
        ),
        migrations.AddIndex(
            model_name='deadletter',
            index=models.Index(fields=['cause', 'opened_at'], name='letters_by_day'),
        ),
        migrations.AddIndex(
            model_name='deadletter',
            index=models.Index(condition=models.Q(('state', 'resolved')), fields=['cause', '-resolved_at', '-id'], name='letters_solved'),
        ),
    ]
