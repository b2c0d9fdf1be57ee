from decimal import Decimal

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("firm", "0011_begin_where_one_works")]

    operations = [
        migrations.AddField(
            model_name="legalentity",
            name="staffing_tolerance",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal("8"),
                max_digits=6,
                validators=[django.core.validators.MinValueValidator(0)],
            ),
        ),
    ]
