"""Envelopes, and Connect's messages about them, as the vendor writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from integrations.sandbox.store import Document

ACCOUNT = "larkfield"
_EMAIL, _DESK = "contracts@larkfield.example", "Contracts desk"
_USER = str(uuid5(NAMESPACE_URL, _EMAIL))


def number(count: int) -> str:
    """The id of the n-th envelope."""
    return str(uuid5(NAMESPACE_URL, f"envelope-{count}"))


def written(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A new envelope that all have signed, with these custom fields."""
    named = {str(name): str(value) for name, value in fields.items() if name != "subject"}
    about = fields.get("subject") or f"Contract for {named.get('customer_name', 'services')}"
    return {
        "status": "completed",
        "emailSubject": str(about),
        "statusChangedDateTime": stamp(datetime.now(UTC)),
        "fields": named,
    }


def shown(envelope: Document) -> dict[str, Any]:
    """An envelope with its custom fields."""
    content = envelope.content
    return {
        "status": content["status"],
        "emailSubject": content["emailSubject"],
        "emailBlurb": content.get("emailBlurb", ""),
        "envelopeId": envelope.id,
        "envelopeUri": f"/envelopes/{envelope.id}",
        "customFieldsUri": f"/envelopes/{envelope.id}/custom_fields",
        "createdDateTime": stamp(envelope.created),
        "sentDateTime": stamp(envelope.created),
        "completedDateTime": content["statusChangedDateTime"],
        "statusChangedDateTime": content["statusChangedDateTime"],
        "lastModifiedDateTime": stamp(envelope.changed),
        "sender": {
            "userName": _DESK,
            "userId": _USER,
            "accountId": ACCOUNT,
            "email": _EMAIL,
        },
        "customFields": {
            "textCustomFields": [
                {
                    "fieldId": str(place),
                    "name": name,
                    "show": "false",
                    "required": "false",
                    "value": value,
                }
                for place, (name, value) in enumerate(content["fields"].items(), start=1)
            ],
            "listCustomFields": [],
        },
    }


def message(envelope: Document) -> dict[str, Any]:
    """What Connect tells of an envelope (JSON, SIM)."""
    status = envelope.content["status"]
    return {
        "event": f"envelope-{status}",
        "uri": f"/restapi/v2.1/accounts/{ACCOUNT}/envelopes/{envelope.id}",
        "retryCount": 0,
        "configurationId": 10871,
        "apiVersion": "v2.1",
        "generatedDateTime": stamp(datetime.now(UTC)),
        "data": {
            "accountId": ACCOUNT,
            "userId": _USER,
            "envelopeId": envelope.id,
            "envelopeSummary": shown(envelope),
        },
    }


def listener(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration of Connect, as an administrator sets it up."""
    return {
        "name": "Tower",
        "urlToPublishTo": str(wanted["url"]),
        "configurationType": "customrestv2.1",
        "allowEnvelopePublish": "true",
        "allUsers": "true",
        "envelopeEvents": ["Completed", "Declined"],
        "includeHMAC": "true",
        "deliveryMode": "SIM",
        "eventData": {"version": "restv2.1", "format": "json", "includeData": ["custom_fields"]},
    } | {name: value for name, value in wanted.items() if name != "url"}


def signed_in(base_uri: str) -> dict[str, Any]:
    """Who a token stands for, and where that one's accounts are."""
    first, _, last = _DESK.partition(" ")
    account = {
        "account_id": ACCOUNT,
        "is_default": True,
        "account_name": "Larkfield",
        "base_uri": base_uri,
    }
    return {
        "sub": _USER,
        "name": _DESK,
        "given_name": first,
        "family_name": last,
        "created": "2024-01-08T09:00:00.000",
        "email": _EMAIL,
        "accounts": [account],
    }


def stamp(at: datetime) -> str:
    """A time as the vendor writes it: seven decimals, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
