"""A partner that sends events to the webhook door, well or badly."""

from __future__ import annotations

import json
import time
from typing import Any

from controltower.web.signature import sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
NEXT_SECRET = "whsec_dGhlIG5leHQga2V5IG9mIHRoZSByb3RhdGlvbiwgMzI="
DOOR = "/inbound/partner/"
STRUCTURED = "application/cloudevents+json"


def deal(**changes: Any) -> dict[str, Any]:
    """A won deal as a CloudEvent."""
    event = {
        "specversion": "1.0",
        "id": "evt-1",
        "type": "opportunity.won",
        "source": "/partner/crm",
        "time": "2026-11-20T14:05:00Z",
        "data": {
            "source_id": "OPP-1",
            "name": "Harbour review",
            "entity": "LF-DE",
            "customer_id": "ACC-1",
            "customer_name": "Meridian Harbour Health",
            "amount": "48000.00",
            "currency": "EUR",
            "close_date": "2026-11-19",
        },
    }
    return event | changes


def signed(
    body: bytes, *, message_id: str = "msg_1", at: float | None = None, secret: str = SECRET
) -> dict[str, str]:
    """The Standard Webhooks headers of a body."""
    timestamp = str(int(time.time() if at is None else at))
    signature = sign(secret, f"{message_id}.{timestamp}.".encode() + body).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }


def encoded(event: Any) -> bytes:
    """The event as bytes."""
    return json.dumps(event, separators=(",", ":")).encode()
