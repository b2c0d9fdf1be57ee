"""What a connection to Slack needs."""

from __future__ import annotations

from integrations.needed import Needs, Secret

NEEDS = Needs(
    plays="chat",
    address="https://slack.com",
    secrets=(
        Secret(
            "bot_token",
            "A bot token with the scopes channels:manage, channels:read, groups:read, chat:write.",
            "At api.slack.com: Your Apps, the app, OAuth & Permissions.",
        ),
    ),
)
