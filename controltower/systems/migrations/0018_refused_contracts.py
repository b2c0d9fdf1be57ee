"""A contract that was rejected was never in force: the audit chain tells which those are."""

from django.db import migrations

SAID = {"in": "it tells us", "out": "we send it"}


def tell_apart(apps, _schema):
    entries = apps.get_model("firm", "AuditEntry").objects.filter(
        verb="reject contract", allowed=True
    )
    rejected = set(entries.values_list("subject", flat=True))
    versions = apps.get_model("systems", "InterfaceVersion").objects.filter(
        state="retired", author__isnull=False
    )
    for one in versions.select_related("interface__system"):
        kind = f"{one.interface.entity} ({SAID[one.interface.direction]})"
        if f"{one.interface.system.title}: {kind} v{one.number}" in rejected:
            one.state = "refused"
            one.save(update_fields=["state"])


class Migration(migrations.Migration):
    dependencies = [
        ("firm", "0013_withdraw_proposals"),
        ("systems", "0017_when_all_was_read_again"),
    ]
    operations = [migrations.RunPython(tell_apart, migrations.RunPython.noop)]
