"""What a connection to an ERP that takes files needs."""

from __future__ import annotations

from controltower.canonical.events import INVOICE_PAID, INVOICE_POSTED
from integrations.needed import Needs, Option, Reading, Secret, Shape

NEEDS = Needs(
    plays="erp",
    address="sftp://<host>:22",
    secrets=(
        Secret(
            "user",
            "The user of the file server.",
            "From whoever runs the ERP's file server.",
        ),
        Secret(
            "private_key",
            "Our private key, as PEM or as the base64 of its PKCS #8.",
            "Nowhere at the vendor: its public half is given to the file server's user.",
        ),
        Secret(
            "host_key",
            "The server's public key as a line of OpenSSH.",
            "From whoever runs the ERP's file server; not from the line itself.",
        ),
    ),
    options=(
        Option(
            "ask_again_seconds",
            Shape.NUMBER,
            "How many seconds a file is left alone before its acknowledgement is looked for.",
            default=900,
        ),
    ),
    feeds={"invoice": Reading(300, (INVOICE_POSTED, INVOICE_PAID))},
    calls_per_second=5,
)
