"""A state that changes writes its transaction anew: with room on the page it stays there, and what
is logged of it is what differs."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("transactions", "0024_what_is_yet_to_be_told")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE transactions_transaction SET (fillfactor = 80)",
            "ALTER TABLE transactions_transaction RESET (fillfactor)",
        ),
    ]
