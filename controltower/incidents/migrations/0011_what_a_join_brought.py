from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0010_ask_second_persons"),
    ]

    operations = [
        migrations.AddField(
            model_name="grouping",
            name="brought",
            field=models.ManyToManyField(related_name="+", to="incidents.incident"),
        ),
    ]
