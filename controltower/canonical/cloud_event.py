"""One CloudEvent (CloudEvents 1.0, JSON) in canonical words, whichever way it came."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import fastjsonschema
from jsonschema import Draft202012Validator, FormatChecker

from controltower.canonical import schema
from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.wire import from_json

JSON = "application/json"
AHEAD = timedelta(days=1)
"""How far in the future a fact may lie: further ahead it would outrank every later correction."""

_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]*")
_ANY = re.compile(r"[^\x00-\x1f\x7f]+")
_DATES = FormatChecker(formats=["date"])
_LONGEST = {"id": 200, "source": 400, "type": 60, "sequence": 40, "correlationid": 60,
            "partitionkey": 120}  # fmt: skip


class Malformed(Exception):
    """It is not a CloudEvent that we take; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Message:
    """An event's attributes and data, and all bytes that they came from."""

    attributes: Mapping[str, Any]
    data: Any
    raw: bytes


def structured(content: Any, raw: bytes) -> Message:
    """A decoded structured event. Raises Malformed."""
    if not isinstance(content, dict):
        raise Malformed("A structured CloudEvent is a JSON object.")
    return Message(content, content.get("data"), raw)


def translate(message: Message, connection: str, now: datetime) -> CanonicalEvent:
    """The canonical event; its source is the connection. Raises Malformed.

    Business rules are not asked here: a deal without an entity or in an unknown currency is a
    fact all the same, and is refused later where a person sees it.
    """
    attributes = message.attributes
    if attributes.get("specversion") != "1.0":
        raise Malformed("specversion must be 1.0.")
    if "data_base64" in attributes or attributes.get("datacontenttype", JSON) != JSON:
        raise Malformed("The data must be JSON.")
    event_type = _attribute(attributes, "type", _ANY)
    if event_type not in schema.ACCEPTED:
        accepted = ", ".join(sorted(schema.ACCEPTED))
        raise Malformed(f"The type is not one that is taken here: {accepted}.")
    _attribute(attributes, "source", _ANY)
    at = _time(attributes, now)
    sequence = _attribute(attributes, "sequence", _NAME, optional=True)
    partition = _attribute(attributes, "partitionkey", _ANY, optional=True)
    data = _data(message.data, event_type)
    kind, says = schema.ACCEPTED[event_type]
    record = from_json(kind, {**says, **data})
    return CanonicalEvent(
        id=_attribute(attributes, "id", _ANY),
        type=event_type,
        source=connection,
        subject=record.source_id,
        time=at,
        version=_version(sequence, at),
        record=record,
        keys=(BusinessKey("partition", partition),) if partition else (),
        correlation_id=_attribute(attributes, "correlationid", _NAME, optional=True),
    )


def _attribute(
    attributes: Mapping[str, Any], name: str, shape: re.Pattern[str], *, optional: bool = False
) -> str:
    value = attributes.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str) or not value:
        raise Malformed(f"The attribute {name} must be a text that is not empty.")
    if len(value) > _LONGEST[name] or not shape.fullmatch(value):
        raise Malformed(f"The attribute {name} is too long or holds characters that it may not.")
    return value


def _time(attributes: Mapping[str, Any], now: datetime) -> datetime:
    text = attributes.get("time")
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise Malformed("The attribute time must be an RFC 3339 moment, such as "
                        "2026-11-20T14:05:00Z; it orders the facts about one record.")  # fmt: skip
    try:
        at = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("The attribute time names a moment that does not exist.") from None
    if at > now + AHEAD:
        raise Malformed("The attribute time lies more than a day in the future.")
    return at


def _version(sequence: str, at: datetime) -> str:
    """Lexically greater is newer: whole numbers are padded, times are of one width."""
    if sequence.isascii() and sequence.isdigit():
        return sequence.zfill(40)
    return sequence or at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _data(data: Any, event_type: str) -> dict[str, Any]:
    if not _fits(event_type, data):
        _explain(data, event_type)
    assert isinstance(data, dict)
    return data


def _fits(event_type: str, data: Any) -> bool:
    """The quick look, by a checker compiled from the schema; it says no and not why."""
    try:
        _compiled(event_type)(data)
    except fastjsonschema.JsonSchemaException:
        return False
    return True


def _explain(data: Any, event_type: str) -> None:
    """The careful look, which decides. Raises Malformed with the first thing that is wrong."""
    error = next(iter(_validator(event_type).iter_errors(data)), None)
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path)[:80] or "data"
        raise Malformed(f"{where}: {_complaint(error)}")


def _complaint(error: Any) -> str:
    """What the schema asks for, without quoting what was sent."""
    match error.validator:
        case "additionalProperties":
            unknown = sorted(set(error.instance) - set(error.schema["properties"]))
            return f"there is no field {unknown[0][:60]!r}."
        case "required":
            missing = sorted(set(error.validator_value) - set(error.instance))
            return f"{missing[0]} is missing."
        case "const":
            return f"it must be {str(error.validator_value).lower()} for this type of event."
        case "type":
            return f"it must be of type {error.validator_value}."
        case "format":
            return f"it must be a {error.validator_value}."
        case "maxLength" | "minLength":
            return "it is empty or too long."
    return "it does not fit the schema of this type of event."


@cache
def _validator(event_type: str) -> Draft202012Validator:
    return Draft202012Validator(schema.of_event(event_type), format_checker=_DATES)


@cache
def _compiled(event_type: str) -> Callable[[Any], Any]:
    formats = {"date": lambda text: _DATES.conforms(text, "date")}
    check: Callable[[Any], Any] = fastjsonschema.compile(
        schema.of_event(event_type), formats=formats
    )
    return check
