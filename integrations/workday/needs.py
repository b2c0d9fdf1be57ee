"""What a connection to Workday needs."""

from __future__ import annotations

from controltower.canonical.events import ABSENCE_CHANGED, RESOURCE_CHANGED
from integrations.needed import Needs, Option, Reading, Secret, Shape, looking_back, settling

NEEDS = Needs(
    plays="hris",
    address="https://<host>.workday.com",
    secrets=(
        Secret(
            "client_id",
            "The client id of an API client for integrations.",
            "In Workday: the task View API Clients.",
        ),
        Secret(
            "client_secret",
            "The secret of that API client.",
            "In Workday: shown once by the task Register API Client for Integrations.",
        ),
        Secret(
            "refresh_token",
            "A refresh token of the integration system user that does not expire.",
            "In Workday: the API client's menu, Manage Refresh Tokens for Integrations.",
        ),
    ),
    options=(
        Option("tenant", Shape.TEXT, "The tenant's name in Workday's addresses.", required=True),
        Option(
            "owner",
            Shape.TEXT,
            "The account that owns the two reports.",
            default="ISU_Control_Tower",
        ),
        looking_back(30),
        Option(
            "window_days",
            Shape.NUMBER,
            "The longest window that is asked for at once, in days.",
            default=30,
        ),
        settling(60),
    ),
    feeds={
        "resource": Reading(300, (RESOURCE_CHANGED,)),
        "absence": Reading(900, (ABSENCE_CHANGED,)),
    },
)
