"""What a connection to Power BI needs."""

from __future__ import annotations

from integrations.needed import Needs, Option, Shape
from integrations.oauth import ENTRA_OPTIONS, ENTRA_SECRETS

NEEDS = Needs(
    plays="dashboards",
    address="https://api.powerbi.com",
    secrets=ENTRA_SECRETS,
    options=(
        Option("workspace", Shape.TEXT, "The id of the workspace.", required=True),
        Option("dataset", Shape.TEXT, "The id of the dataset.", required=True),
        Option(
            "refreshes_a_day",
            Shape.WHOLE,
            "How often the capacity lets a dataset be refreshed in a day.",
            default=8,
        ),
        *ENTRA_OPTIONS,
    ),
)
