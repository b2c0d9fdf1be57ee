"""What a connection to Tryton needs."""

from __future__ import annotations

from controltower.canonical.events import CUSTOMER_CHANGED, INVOICE_PAID, INVOICE_POSTED
from integrations.needed import Needs, Option, Reading, Secret, Shape, settling
from integrations.tryton.client import DATABASE
from integrations.tryton.feed import SETTLED

NEEDS = Needs(
    plays="erp",
    address="https://<erp.example>",
    secrets=(
        Secret(
            "user",
            "The login of a Tryton user with all companies and the company filter All.",
            "In Tryton: Administration, Users; groups Accounting and Party Administration.",
        ),
        Secret("password", "The password of that user.", "In Tryton: Administration, Users."),
    ),
    options=(
        Option("database", Shape.TEXT, "The name of the database.", default=DATABASE),
        settling(SETTLED.total_seconds()),
    ),
    feeds={
        "invoice": Reading(60, (INVOICE_POSTED, INVOICE_PAID)),
        "customer": Reading(120, (CUSTOMER_CHANGED,)),
    },
    calls_per_second=25,
)
