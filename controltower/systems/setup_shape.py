"""The shape of the document that connects a system: made of what its connector declares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from integrations import catalogue
from integrations.connector import ChangeFeed, Descriptor
from integrations.described import faults
from integrations.needed import Option, Secret, Shape

REFERENCE = "^env:[A-Z][A-Z0-9_]*$"
ACKNOWLEDGED = {ChangeFeed.FLAG, ChangeFeed.QUEUE, ChangeFeed.FILE}
"""What waits there until it was read: all of it is, and nothing can be left where it is."""
SCHEMES = {"https": "https?", "rediss": "rediss?"}
"""How a system is spoken to; without encryption too, where whoever runs the machine says so."""
NO_REFERENCE = (
    "what stands here is no reference, and was not kept. Write the secret into a variable of the "
    "tower's machine and name that, such as env:SYSTEM_NAME_KEY."
)
_SHAPES: Mapping[Shape, Mapping[str, Any]] = {
    Shape.TEXT: {"type": "string", "minLength": 1, "maxLength": 300},
    Shape.WHOLE: {"type": "integer", "minimum": 0, "maximum": 1_000_000},
    Shape.NUMBER: {"type": "number", "minimum": 0, "maximum": 1_000_000},
    Shape.YES_NO: {"type": "boolean"},
    Shape.ADDRESS: {
        "type": "string",
        "pattern": r"^(https?://[^/?#\s@]+/?|env:[A-Z][A-Z0-9_]*)$",
        "told": "an address such as https://host, without a path, belongs here.",
    },
    Shape.NAMES: {"type": "array", "items": {"type": "string", "maxLength": 60}, "maxItems": 60},
    Shape.TABLE: {"type": "object", "additionalProperties": {"type": "string", "maxLength": 60}},
}


_NAME = {
    "type": "string",
    "pattern": "^(?!new$)[a-z][a-z0-9_-]{1,39}$",
    "told": "small letters, digits and hyphens, such as “bamboohr-us”, belong here.",
}


def complaints(document: Any, connector: str) -> list[str]:
    """What is wrong with the shape of a document that connects by this connector."""
    return faults.complaints(_validator(connector), document, "the set-up")


@cache
def _validator(connector: str) -> Draft202012Validator:
    return Draft202012Validator(shape(catalogue.descriptor(connector)))


def shape(descriptor: Descriptor) -> dict[str, Any]:
    """The JSON Schema of the document."""
    needs = descriptor.needs
    return _object(
        {
            "connector": {"const": descriptor.name},
            "slug": _NAME,
            "connection": _NAME,
            "title": {"type": "string", "minLength": 1, "maxLength": 80},
            "base_url": _address(needs.address),
            "secrets": _secrets(needs.secrets),
            "options": _options(needs.options),
            "region": {"type": "string", "maxLength": 16},
            "limits": _object({
                "calls_per_second": {"type": "integer", "minimum": 1, "maximum": 200},
                "concurrency": {"type": "integer", "minimum": 1, "maximum": 32},
                "deadline_seconds": {"type": "integer", "minimum": 1, "maximum": 60},
            }),
            "feeds": _object({name: _feed(descriptor.feeds[name]) for name in needs.feeds}),
            "takes": {"type": "array", "items": _TAKE, "maxItems": 60},
            "retired": {"type": "boolean"},
        },
        required=("connector", "slug", "title", "base_url", "secrets"),
    )  # fmt: skip


def _object(properties: Mapping[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "required": list(required),
    }


def _address(example: str) -> dict[str, Any]:
    scheme = urlsplit(example).scheme
    return {
        "type": "string",
        "pattern": rf"^({SCHEMES.get(scheme, scheme)}://[^/?#\s@]+/?|env:[A-Z][A-Z0-9_]*)$",
        "maxLength": 300,
        "told": f"an address such as {example} belongs here, without a path.",
    }


def _secrets(secrets: Iterable[Secret]) -> dict[str, Any]:
    reference = {"type": "string", "pattern": REFERENCE, "maxLength": 120, "told": NO_REFERENCE}
    return _object(
        {one.name: reference for one in secrets}, (one.name for one in secrets if one.required)
    )


def _options(options: Iterable[Option]) -> dict[str, Any]:
    """Those with a dot in their name stand within one another."""
    plain: dict[str, Any] = {}
    within: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for one in options:
        group, _dot, name = one.name.rpartition(".")
        (within[group] if group else plain)[name] = dict(_SHAPES[one.shape])
    groups = {group: _object(properties) for group, properties in within.items()}
    return _object(plain | groups, (one.name for one in options if one.required))


def _feed(kind: ChangeFeed) -> dict[str, Any]:
    """What waits until it is read cannot be left where it is."""
    since = (
        {"const": "start", "told": "all that waits there is read: “start” belongs here."}
        if kind in ACKNOWLEDGED
        else {
            "type": "string",
            "pattern": r"^(start|now|\d{4}-\d\d-\d\d)$",
            "told": "“start”, “now” or a day such as 2026-11-01 belongs here.",
        }
    )
    seconds = {"type": "integer", "minimum": 1, "maximum": 86_400}
    return _object({"every_seconds": seconds, "since": since})


_TAKE = _object(
    {
        "company": {"type": "string", "maxLength": 20},
        "record": {"type": "string", "maxLength": 40},
        "from": {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\d$",
            "told": "a day such as 2026-11-01 belongs here.",
        },
    },
    required=("from",),
)
