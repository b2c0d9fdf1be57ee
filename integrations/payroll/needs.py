"""What a connection to ADP needs."""

from __future__ import annotations

from controltower.canonical.events import PAYROLL_ACCEPTED
from integrations.needed import Needs, Option, Reading, Secret, Shape

NEEDS = Needs(
    plays="payroll",
    address="https://api.adp.com",
    secrets=(
        Secret(
            "client_id",
            "The client id of the project.",
            "In ADP's API Central: the project's development API credentials.",
        ),
        Secret(
            "client_secret",
            "The client secret of the project.",
            "In ADP's API Central: the project's development API credentials.",
        ),
        Secret(
            "certificate",
            "The client certificate that the provider has signed, as PEM.",
            "In ADP's API Central: Certificates, from the signing request that you send.",
        ),
        Secret(
            "private_key",
            "The private key of that certificate, as PEM.",
            "Nowhere at the vendor: made with the signing request.",
        ),
        Secret(
            "authority",
            "Whom we trust for the far side's certificate, where no public authority signed it.",
            "From the provider.",
            required=False,
        ),
    ),
    options=(
        Option(
            "sign_in_url",
            Shape.ADDRESS,
            "Where tokens are given, if not at the system's own address.",
            default="",
            usual="https://accounts.adp.com",
        ),
    ),
    feeds={"labour_cost": Reading(300, (PAYROLL_ACCEPTED,))},
)
