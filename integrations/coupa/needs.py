"""What a connection to Coupa needs."""

from __future__ import annotations

from controltower.canonical.events import PURCHASE_APPROVED
from integrations.needed import Needs, Option, Reading, Secret, Shape

NEEDS = Needs(
    plays="spend",
    address="https://<instance>.coupahost.com",
    secrets=(
        Secret(
            "client_id",
            "The identifier of an OpenID Connect client for client credentials.",
            "In Coupa: Setup, Integrations, OAuth2/OpenID Connect Clients.",
        ),
        Secret(
            "client_secret",
            "The secret of that client.",
            "In Coupa: Setup, Integrations, OAuth2/OpenID Connect Clients, Show secret.",
        ),
    ),
    options=(
        Option(
            "integration",
            Shape.TEXT,
            "The name of the integration in Coupa under which our runs are listed.",
            default="Control Tower",
        ),
    ),
    feeds={"purchase": Reading(60, (PURCHASE_APPROVED,))},
)
