from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('firm', '0002_audit_is_append_only'),
        ('transactions', '0008_find_and_list_by_index'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='transaction',
            index=models.Index(fields=['entity', 'process', '-started_at', '-id'], name='tx_by_entity_process'),
        ),
    ]
