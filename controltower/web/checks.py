"""What is wrong with the settings is said when the tower starts, not when a partner knocks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from controltower.web import signature

MOST_KEYS = 2


def webhook_secrets(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Each connection has one key, or two while they are rotated, and each can sign."""
    found: list[CheckMessage] = []
    for connection, secrets in settings.INBOUND_SECRETS.items():
        if len(secrets) > MOST_KEYS:
            text = f"The webhook connection {connection} has more than two keys at a time."
            found.append(Error(text, hint="Remove the oldest.", id="web.E001"))
        if not all(map(_signs, secrets)):
            text = f"A webhook key of the connection {connection} cannot be used."
            hint = "It must be whsec_ and the base64 of 24 to 64 random bytes."
            found.append(Error(text, hint=hint, id="web.E002"))
    return found


def _signs(secret: str) -> bool:
    try:
        return 24 <= len(signature.key_of(secret)) <= 64
    except ValueError:
        return False
