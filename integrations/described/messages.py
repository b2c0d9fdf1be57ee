"""Signed messages of a described system: proven on the raw bytes before anything is parsed."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime

from integrations import exact_json
from integrations.connector import Forged
from integrations.described import moments
from integrations.described.description import Webhook
from integrations.shape import Drift, Row, at, object_of, required


def check(
    hook: Webhook, keys: list[str], headers: Mapping[str, str], raw: bytes, now: datetime
) -> None:
    """Whether one of the keys has signed it, and lately. Raises Forged."""
    stamp = headers.get(hook.timestamp_header.lower(), "") if hook.timestamp_header else ""
    name = headers.get(hook.id_header.lower(), "") if hook.id_header else ""
    given = headers.get(hook.signature_header.lower(), "").encode()
    before, _, after = hook.signs.partition("{body}")
    parts = [
        text.replace("{timestamp}", stamp).replace("{id}", name).encode("latin-1", "replace")
        for text in (before, after)
    ]
    signed = parts[0] + raw + parts[1]
    wanted = [_signature(hook, key, signed) for key in keys]
    if not any(hmac.compare_digest(one, given) for one in wanted):
        raise Forged("It is not signed with a key of this system.")
    if not hook.timestamp_header:
        return
    try:
        sent = moments.read({"it": stamp}, "it", hook.timestamp_format)
    except Drift:
        raise Forged("It does not say when it was sent.") from None
    if abs((now - sent).total_seconds()) > hook.tolerance_seconds:
        raise Forged("It was not sent just now.")


def _signature(hook: Webhook, key: str, signed: bytes) -> bytes:
    return hook.prefix.encode() + signature(key, signed, hook.algorithm, hook.encoding)


def signature(key: str, signed: bytes, algorithm: str, encoding: str) -> bytes:
    """An HMAC as it is written into a header."""
    digest = hmac.digest(key.encode(), signed, algorithm)
    return digest.hex().encode() if encoding == "hex" else base64.b64encode(digest)


def told(hook: Webhook, raw: bytes) -> tuple[str, Row] | None:
    """Of which entity it tells, and the record; None for a kind that nobody waits for. Raises
    Drift."""
    try:
        content = object_of(exact_json.decode(raw))
    except ValueError:
        raise Drift("the message is not JSON") from None
    entity = hook.kinds.get(required(content, hook.kind_at))
    if entity is None:
        return None
    return entity, object_of(at(content, hook.record_at) if hook.record_at else content)
