"""What a connection to NetSuite needs."""

from __future__ import annotations

from controltower.canonical.events import CUSTOMER_CHANGED, INVOICE_PAID, INVOICE_POSTED
from integrations.needed import Needs, Option, Reading, Secret, Shape, settling
from integrations.netsuite.client import LARGEST_PAGE

NEEDS = Needs(
    plays="erp",
    address="https://<account>.suitetalk.api.netsuite.com",
    secrets=(
        Secret(
            "client_id",
            "The client id of the integration record.",
            "In NetSuite: Setup, Integration, Manage Integrations; shown once when it is made.",
        ),
        Secret(
            "certificate_id",
            "The id that NetSuite gives to the certificate.",
            "In NetSuite: Setup, Integration, OAuth 2.0 Client Credentials (M2M) Setup.",
        ),
        Secret(
            "private_key",
            "The private key of that certificate, on the curve P-256.",
            "Nowhere at the vendor: made with the certificate that is given to NetSuite.",
        ),
    ),
    options=(
        settling(5),
        Option(
            "most_lines",
            Shape.WHOLE,
            "With more lines than this an invoice is written as a job.",
            default=100,
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
