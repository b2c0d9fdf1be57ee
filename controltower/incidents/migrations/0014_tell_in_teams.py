from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("incidents", "0013_end_by_two_people")]
    operations = [
        migrations.AddField(
            model_name="wish",
            name="teams_team",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AlterField(
            model_name="message",
            name="channel",
            field=models.CharField(
                choices=[("mail", "E-mail"), ("slack", "Slack"), ("teams", "Teams")], max_length=8
            ),
        ),
    ]
