"""What a connection to DocuSign needs."""

from __future__ import annotations

from controltower.canonical.events import CONTRACT_SIGNED
from integrations.needed import Needs, Option, Reading, Secret, Shape, looking_back, settling

NEEDS = Needs(
    plays="clm",
    address="https://eu.docusign.net",
    secrets=(
        Secret(
            "integration_key",
            "The integration key of the app.",
            "In DocuSign: Settings, Apps and Keys.",
        ),
        Secret(
            "secret_key",
            "A secret key of that app.",
            "In DocuSign: Settings, Apps and Keys, the app; shown once when it is made.",
        ),
        Secret(
            "refresh_token",
            "A refresh token with the scopes signature and extended; it ends after 30 days.",
            "From the consent of an administrator of the account.",
        ),
        Secret(
            "hmac_key",
            "The key by which Connect signs its messages.",
            "In DocuSign: Settings, Connect, Connect Keys.",
            required=False,
        ),
    ),
    options=(
        Option("account_id", Shape.TEXT, "The account's id for the API.", required=True),
        Option(
            "sign_in_url",
            Shape.ADDRESS,
            "Where tokens are given, if not at the system's own address.",
            default="",
            usual="https://account.docusign.com",
        ),
        Option(
            "languages",
            Shape.TABLE,
            "The language of each company's contracts, by which amounts are read.",
        ),
        looking_back(30),
        settling(60),
    ),
    feeds={"contract": Reading(900, (CONTRACT_SIGNED,))},
    calls_per_second=5,
)
