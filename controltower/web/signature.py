"""Standard Webhooks 1.0 signatures: over id, timestamp and body, before anything is parsed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

TOLERANCE = 300
"""Seconds by which a message's timestamp may differ from our clock."""
MOST_SIGNATURES = 8
PREFIX = "whsec_"

_ID = re.compile(r"[!-\-/-~]{1,200}")
"""Visible ASCII without the full stop that separates the signed parts."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class Refused(Exception):
    """The message is not proven to come from the sender; the text says what is wrong."""


def check(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:
    """The id of a message signed with one of the secrets. Raises Refused.

    The signatures are compared as text: base64 that differs in a bit no decoder looks at is
    refused too.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not (message_id and timestamp and given):
        raise Refused("The headers webhook-id, webhook-timestamp and webhook-signature are needed.")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise Refused("The webhook-id or the webhook-timestamp is not well formed.")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE:
        raise Refused("The webhook-timestamp is more than five minutes from now: sign it anew.")
    signed = f"{message_id}.{timestamp}.".encode() + body
    candidates = [one.encode("utf-8", "replace") for one in given.split(" ")[:MOST_SIGNATURES]]
    matches = [
        hmac.compare_digest(sign(secret, signed), candidate)
        for secret in secrets
        for candidate in candidates
    ]
    if not any(matches):
        raise Refused("The signature was not made with a key of this connection over this message.")
    return message_id


def sign(secret: str, signed: bytes) -> bytes:
    """`v1,<base64>` over the signed content. Raises ValueError for an unusable secret."""
    return b"v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256))


@lru_cache(maxsize=64)
def key_of(secret: str) -> bytes:
    """The key in a `whsec_` secret. Raises ValueError when it is not base64."""
    text = secret.strip().removeprefix(PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ and base64") from error
