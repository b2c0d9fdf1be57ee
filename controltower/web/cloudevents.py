"""CloudEvents 1.0 over HTTP: structured, batched or binary requests, taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from controltower.canonical import strict_json
from controltower.canonical.cloud_event import JSON, Malformed, Message, structured

STRUCTURED, BINARY = "application/cloudevents+json", JSON
BATCH = "application/cloudevents-batch+json"
TAKEN = (STRUCTURED, BATCH, BINARY)
LARGEST_BATCH = 500


class WrongType(Exception):
    """The content is of a kind or coding that the door does not take."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one request brings: its events, and the bytes that they are proven by."""

    messages: Sequence[Message]
    raw: bytes
    is_batch: bool = False


def read(headers: Mapping[str, str], body: bytes) -> Content:
    """Take a request apart. Raises WrongType, or Malformed for what cannot be parsed."""
    media_type = _media_type(headers)
    try:
        if media_type == BATCH:
            return _batch(body)
        content = strict_json.decode(body)
    except strict_json.NotStrictJson as error:
        raise Malformed(str(error)) from None
    message = _binary(headers, content, body) if media_type == BINARY else structured(content, body)
    return Content([message], message.raw)


def _media_type(headers: Mapping[str, str]) -> str:
    if headers.get("content-encoding", "identity") != "identity":
        raise WrongType("The body must not be compressed.")
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if "charset" in parameters.lower() and "utf-8" not in parameters.lower():
        raise WrongType("The body must be UTF-8.")
    media_type = media_type.strip().lower()
    if media_type not in TAKEN:
        raise WrongType(
            f"Send {STRUCTURED}, {BATCH}, or {BINARY} with the event's attributes in ce- headers."
        )
    return media_type


def _batch(body: bytes) -> Content:
    """Each event is kept with its own bytes, as if it had come alone."""
    items = strict_json.decode_items(body)
    if not 1 <= len(items) <= LARGEST_BATCH:
        raise Malformed(f"A batch holds between 1 and {LARGEST_BATCH} events.")
    return Content([structured(content, raw) for raw, content in items], body, is_batch=True)


def _binary(headers: Mapping[str, str], content: Any, body: bytes) -> Message:
    """In binary mode the attributes are outside the signed body, so the signed webhook-id must
    name the event."""
    try:
        named = {
            name.removeprefix("ce-"): unquote(value, errors="strict")
            for name, value in sorted(headers.items())
            if name.startswith("ce-")
        }
    except UnicodeDecodeError:
        raise Malformed("A ce- header is not percent-encoded UTF-8.") from None
    if named.get("id") != headers.get("webhook-id"):
        raise Malformed("In binary mode ce-id and webhook-id must be the same, since only the "
                        "latter is signed.")  # fmt: skip
    head = "".join(f"ce-{name}: {value}\r\n" for name, value in named.items())
    return Message(named, content, head.encode("utf-8", "replace") + b"\r\n" + body)
