"""What the API's description says beyond its operations: how they refuse, and the webhook door.

OpenAPI 3.1. A program that is written by the description alone knows every answer that may come.
"""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from controltower.canonical import schema
from controltower.web import cloudevents
from controltower.web.errors import PROBLEM

MODULES = "controltower_web_api_"
Words = dict[str, Any]


class DescribedAPI(NinjaAPI):
    """An API whose description tells refusals and the door for events as well."""

    def get_openapi_schema(self, **named: Any) -> OpenAPISchema:
        """The whole document."""
        document = super().get_openapi_schema(**named)
        parts = document["components"]
        parts["schemas"] |= {"Problem": _PROBLEM, "Stored": _STORED, **_events()}
        parts["responses"] = _REFUSALS
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"] |= _refused("NoToken")
        document["paths"]["/inbound/{connection}/"] = {"post": _DOOR}
        return document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """As generated clients name their methods: `replays_plan`."""
        return super().get_openapi_operation_id(operation).removeprefix(MODULES)


def _refused(unknown: str) -> Words:
    answers = {"401": unknown, "default": "Refused"}
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in answers.items()}


def _ref(name: str) -> Words:
    return {"$ref": f"#/components/schemas/{name}"}


def _text(words: str, **more: Any) -> Words:
    return {"type": "string", "description": words, **more}


def _answer(words: str, kind: str, media_type: str = "application/json", **more: Any) -> Words:
    return {"description": words, "content": {media_type: {"schema": _ref(kind)}}, **more}


def _header(name: str, words: str, **more: Any) -> Words:
    return {
        "in": "header", "name": name, "required": True, "description": words,
        "schema": {"type": "string", **more},
    }  # fmt: skip


def _event(event_type: str) -> Words:
    described = schema.of_event(event_type)
    data = {name: part for name, part in described.items() if name != "$schema"}
    optional = ("sequence", "correlationid", "partitionkey")
    return {
        "type": "object",
        "required": ["specversion", "id", "type", "source", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"const": event_type},
            "time": {"type": "string", "format": "date-time"},
            "data": data,
            **{name: {"type": "string", "minLength": 1} for name in ("id", "source", *optional)},
        },
    }


def _name_of(event_type: str) -> str:
    return "".join(part.capitalize() for part in event_type.split(".")) + "Event"


def _events() -> dict[str, Words]:
    """Each type that is taken from outside, and any of them."""
    each = {_name_of(event_type): _event(event_type) for event_type in sorted(schema.ACCEPTED)}
    return each | {"CloudEvent": {"oneOf": [_ref(name) for name in each]}}


_PROBLEM: Words = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457. Some have members of their own, such as `fields` or `events`.",
    "required": ["type", "title", "status", "detail", "reference"],
    "properties": {
        "type": _text("Which refusal it is, for programs.", pattern="^urn:control-tower:problem:"),
        "title": _text("The same for people."),
        "status": {"type": "integer"},
        "detail": _text("What happened, whether anything was changed, and what to do next."),
        "reference": _text("Names this request to an operator.", examples=["R-7F3K9QA2"]),
    },
}
_STORED: Words = {
    "title": "Stored",
    "type": "object",
    "description": "Of one event `id` and `duplicate`; of a batch `events` with those of each.",
    "required": ["reference"],
    "properties": {
        "id": {"type": "string"},
        "duplicate": {"type": "boolean"},
        "events": {"type": "array", "items": {"type": "object"}},
        "reference": {"type": "string"},
    },
}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
_REFUSALS = {
    "NoToken": _answer("No token of a known person.", "Problem", PROBLEM),
    "NotSigned": _answer("Forged, stale or unsigned. Nothing was stored.", "Problem", PROBLEM),
    "Refused": _answer(
        "Not done: 400 unreadable, 403 not this person's to do, 404 not there or not in their "
        "legal entities, 405 no such method, 409 the state is another by now, 413 too large, 422 "
        "does not fit, 503 nobody knows yet: come again.",
        "Problem",
        PROBLEM,
    ),
}
_DOOR: Words = {
    "operationId": "inbound_events",
    "summary": "Send events",
    "description": (
        "CloudEvents 1.0, one or up to "
        f"{cloudevents.LARGEST_BATCH}, signed after Standard Webhooks 1.0 over "
        "`webhook-id.webhook-timestamp.body`. What is answered 200 or 202 is stored durably, once "
        "per id; what is refused has not been stored. A batch is stored whole or not at all. "
        "409: the id was used for another content; 503: send it again after Retry-After."
    ),
    "security": [],
    "parameters": [
        {"in": "path", "name": "connection", "required": True, "schema": {"type": "string"},
         "description": "As the tower's administrator has named it."},
        _header("webhook-id", "New for each message, kept when it is sent again.", maxLength=200),
        _header("webhook-timestamp", "Seconds since 1970, within five minutes.",
                pattern="^[0-9]{1,12}$"),
        _header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256; up to eight."),
    ],
    "requestBody": {
        "required": True,
        "content": {
            cloudevents.STRUCTURED: {"schema": _ref("CloudEvent")},
            cloudevents.BATCH: {
                "schema": {
                    "type": "array", "items": _ref("CloudEvent"),
                    "minItems": 1, "maxItems": cloudevents.LARGEST_BATCH,
                }
            },
        },
    },
    "responses": {
        "200": _answer("Everything in it had been stored before.", "Stored"),
        "202": _answer("Stored.", "Stored"),
        "503": _answer("Come again.", "Problem", PROBLEM, headers=_RETRY_AFTER),
        **_refused("NotSigned"),
    },
}  # fmt: skip
