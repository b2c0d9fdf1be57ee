"""What a cut-off found unfinished is asked for in its order, a part at a time. An index that cannot
give that order is passed over for one that can, and all of a company's past was walked through.
"""

from django.db import migrations, models

LIVE = ["accepted", "in_progress", "waiting", "delivered", "dead_lettered"]


class Migration(migrations.Migration):
    dependencies = [
        ("firm", "0013_withdraw_proposals"),
        ("transactions", "0030_warn_before_a_promise_is_broken"),
    ]
    operations = [
        migrations.RemoveIndex("transaction", "tx_before_close"),
        migrations.AddIndex(
            "transaction",
            models.Index(
                condition=models.Q(("state__in", LIVE), models.Q(("month", ""), _negated=True)),
                fields=["entity", "month", "started_at", "id"],
                name="tx_before_close",
            ),
        ),
    ]
