"""What a connection to BambooHR needs."""

from __future__ import annotations

from controltower.canonical.events import ABSENCE_CHANGED, RESOURCE_CHANGED
from integrations.bamboohr.changes import SETTLED
from integrations.needed import Needs, Reading, Secret, looking_back, settling

NEEDS = Needs(
    plays="hris",
    address="https://<company>.bamboohr.com",
    secrets=(
        Secret(
            "api_key",
            "An API key of a user who may see every field that is read.",
            "In BambooHR: your name, then API Keys, Add New Key.",
        ),
        Secret(
            "webhook_key",
            "The private key by which BambooHR signs its webhooks.",
            "In BambooHR: shown once when a webhook is made.",
            required=False,
        ),
    ),
    options=(looking_back(30), settling(SETTLED)),
    feeds={
        "resource": Reading(300, (RESOURCE_CHANGED,)),
        "absence": Reading(900, (ABSENCE_CHANGED,)),
    },
)
