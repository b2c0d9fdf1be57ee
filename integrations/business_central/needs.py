"""What a connection to Dynamics 365 Business Central needs."""

from __future__ import annotations

from controltower.canonical.events import CUSTOMER_CHANGED, INVOICE_PAID, INVOICE_POSTED
from integrations.business_central.client import LARGEST_PAGE
from integrations.needed import MESSAGES, Needs, Option, Reading, Secret, Shape, settling
from integrations.oauth import ENTRA_OPTIONS, ENTRA_SECRETS

NEEDS = Needs(
    plays="erp",
    address="https://api.businesscentral.dynamics.com",
    secrets=(
        *ENTRA_SECRETS,
        Secret(
            "client_state",
            "Any word of ours, by which the vendor's messages are known.",
            "Nowhere: choose a long one, of up to 2,048 signs.",
            required=False,
        ),
    ),
    options=(
        Option("environment", Shape.TEXT, "The name of the environment.", default="production"),
        *ENTRA_OPTIONS,
        MESSAGES,
        settling(5),
        Option(
            "facts_days",
            Shape.NUMBER,
            "For how many days back invoices are looked through for work billed already.",
            default=7,
        ),
        Option(
            "page_size",
            Shape.WHOLE,
            "How many rows are asked for at once.",
            default=LARGEST_PAGE,
        ),
    ),
    feeds={
        "invoice": Reading(60, (INVOICE_POSTED, INVOICE_PAID)),
        "customer": Reading(120, (CUSTOMER_CHANGED,)),
        "credit_note": Reading(120, (INVOICE_POSTED, INVOICE_PAID)),
    },
)
