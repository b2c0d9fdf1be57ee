"""What a connection to SharePoint needs."""

from __future__ import annotations

from integrations.needed import Needs, Option, Shape
from integrations.oauth import ENTRA_OPTIONS, ENTRA_SECRETS

NEEDS = Needs(
    plays="documents",
    address="https://graph.microsoft.com",
    secrets=ENTRA_SECRETS,
    options=(
        Option("drive", Shape.TEXT, "The id of the document library.", required=True),
        Option(
            "parent",
            Shape.TEXT,
            "The folder in which projects' folders are made.",
            default="Projects",
        ),
        Option(
            "template",
            Shape.TEXT,
            "The folder that a project's folder is copied from.",
            default="Templates/Project",
        ),
        Option(
            "monitor_url",
            Shape.ADDRESS,
            "The firm's SharePoint host, where copies are watched.",
            usual="https://<firm>.sharepoint.com",
        ),
        *ENTRA_OPTIONS,
    ),
)
