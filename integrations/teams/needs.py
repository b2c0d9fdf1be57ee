"""What a connection to Teams needs."""

from __future__ import annotations

from integrations.needed import Needs, Option, Shape
from integrations.oauth import ENTRA_OPTIONS, ENTRA_SECRETS

NEEDS = Needs(
    plays="chat",
    address="https://graph.microsoft.com",
    secrets=ENTRA_SECRETS,
    options=(
        Option(
            "owner",
            Shape.TEXT,
            "The id of the user who owns the teams: an application must name one.",
            required=True,
        ),
        *ENTRA_OPTIONS,
    ),
)
