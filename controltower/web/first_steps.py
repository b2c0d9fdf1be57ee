"""How a tower that has seen nothing yet begins."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.systems.models import System
from controltower.transactions.models import Transaction
from controltower.web import wording


def first_steps() -> list[tuple[str, str, str]] | None:
    """The first steps of a tower that has seen nothing yet, else None."""
    if Transaction.objects.exists():
        return None
    systems = System.objects.exists()
    return [
        (_("Connect your systems"), wording.connected(systems), reverse("systems")),
        (
            _("Agree who owns which field"),
            _("Mappings carry an owner, a steward and an approved version."),
            reverse("mappings"),
        ),
        (
            _("Close a deal in the CRM"),
            _("It becomes a customer, a project and an invoice, under one correlation ID."),
            "",
        ),
        (
            _("See it arrive"),
            _("Every transaction is found by any of its business keys."),
            reverse("transactions"),
        ),
        (
            _("Put right what is stuck"),
            _("Failures are grouped by cause, most money first."),
            reverse("exceptions"),
        ),
    ]
