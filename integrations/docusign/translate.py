"""An envelope as the contract in it, whichever way the account told of it.

What the firm must know of a contract stands in the envelope's custom fields. People fill them in,
so a number or a date that cannot be read is taken as not told, and named: nothing is billed by such
a term, where stopping the feed would hold up everybody else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from controltower.canonical.events import CONTRACT_SIGNED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Contract
from integrations import exact_json
from integrations.connector import Change, Subscription
from integrations.docusign.amounts import amount
from integrations.shape import (
    Drift,
    Row,
    at,
    choice,
    listed,
    moment,
    object_of,
    required,
    text,
)

FIELDS = (
    "contract_number", "opportunity_id", "project_id", "customer_id", "customer_name",
    "legal_entity", "currency", "contract_value", "billing_method", "cap", "retainer",
    "retainer_hours", "retainer_billed", "retainer_above", "retainer_unused", "po_number",
    "starts_on", "ends_on", "correlation_id", "language",
)  # fmt: skip
"""The account's custom fields for envelopes, by name."""
Languages = Mapping[str, str]
"""In which language a company's contracts are written, by its code; "" is everybody else."""
_STATUS = {
    name: name
    for name in (
        "created", "sent", "delivered", "signed", "completed", "declined", "voided", "deleted",
        "timedout", "processing",
    )
}  # fmt: skip
SIGNED = "completed"
_EVENT = "envelope-completed"


def contract(row: Row, languages: Languages) -> Contract:
    """What an envelope says of its contract. Raises Drift."""
    fields = _custom_fields(row)
    status = choice(row, "status", _STATUS)
    signed_at = moment(row, "statusChangedDateTime") if status == SIGNED else None
    terms, unread = _terms(fields, _language(fields, languages))
    return Contract(
        source_id=required(row, "envelopeId"),
        name=text(row, "emailSubject"),
        entity=fields["legal_entity"],
        number=fields["contract_number"],
        customer_id=fields["customer_id"],
        customer_name=fields["customer_name"],
        opportunity_id=fields["opportunity_id"],
        project_id=fields["project_id"],
        status=status,
        signed_on=signed_at.date() if signed_at else None,
        currency=fields["currency"],
        billing_method=fields["billing_method"],
        retainer_billed=fields["retainer_billed"].lower(),
        retainer_above=fields["retainer_above"].lower(),
        retainer_unused=fields["retainer_unused"].lower(),
        po_number=fields["po_number"],
        document_id=required(row, "envelopeId"),
        unread=tuple(unread),
        **terms,
    )


def change(source: str, row: Row, languages: Languages) -> Change:
    """A signed contract as one fact. Raises Drift.

    Its id is made of what it says: a message and a poll of the same signing are one, and both keep
    the same bytes.
    """
    found = contract(row, languages)
    digest = hashlib.blake2b(exact_json.encode(found.as_dict()).encode(), digest_size=8)
    keys = (
        ("envelope", found.source_id), ("contract", found.number),
        ("opportunity", found.opportunity_id), ("po", found.po_number),
    )  # fmt: skip
    event = CanonicalEvent(
        id=f"contract:{found.source_id}:{digest.hexdigest()}",
        type=CONTRACT_SIGNED,
        source=f"{source}/contract",
        subject=f"contract:{found.source_id}",
        time=moment(row, "statusChangedDateTime"),
        version=version_of(row),
        record=found,
        keys=tuple(BusinessKey(kind, value) for kind, value in keys if value),
        correlation_id=_custom_fields(row)["correlation_id"],
    )
    return Change(raw=_kept(row), event=event)


def told(source: str, raw: bytes, languages: Languages) -> list[Change]:
    """The signings in a message of Connect; it tells of other things that happen to an envelope
    too, which are none. Raises Drift."""
    try:
        content = object_of(exact_json.decode(raw))
    except ValueError:
        raise Drift("the message is not JSON") from None
    if required(content, "event") != _EVENT:
        return []
    envelope = object_of(object_of(content.get("data")).get("envelopeSummary"))
    return [change(source, envelope, languages)]


def subscriptions(content: Row, address: str) -> list[Subscription]:
    """What Connect sends to an address. Raises Drift."""
    return [
        Subscription("contract", required(row, "connectId"), trouble=_trouble(row))
        for row in listed(content, "configurations")
        if text(row, "urlToPublishTo") == address
    ]


def _trouble(row: Row) -> str:
    """Why a configuration of Connect tells us nothing that we could take."""
    name, events = text(row, "name"), at(row, "envelopeEvents") or []
    if text(row, "allowEnvelopePublish").lower() != "true":
        return f"Connect's configuration “{name}” is switched off."
    if SIGNED not in [str(event).lower() for event in events]:
        return f"Connect's configuration “{name}” does not tell of completed envelopes."
    if text(row, "includeHMAC").lower() != "true":
        return f"Connect's configuration “{name}” does not sign its messages."
    return ""


def retold(raw: bytes, languages: Languages) -> Contract:
    """What the bytes of a change mean. Raises Drift."""
    return contract(object_of(exact_json.decode(raw)), languages)


def version_of(row: Row) -> str:
    """Orders what the account said of one envelope. Raises Drift."""
    return moment(row, "statusChangedDateTime").isoformat(timespec="microseconds")


def _custom_fields(row: Row) -> Mapping[str, str]:
    """What the custom fields say, "" for those that an envelope does not have. Raises Drift."""
    written = {
        required(field, "name"): text(field, "value").strip()
        for field in listed(row, "customFields.textCustomFields")
    }
    return {name: written.get(name, "") for name in FIELDS}


def _kept(row: Row) -> bytes:
    """The part of an envelope that a contract is read from, in one order."""
    fields = [{"name": name, "value": value} for name, value in _custom_fields(row).items()]
    names = ("envelopeId", "status", "emailSubject", "statusChangedDateTime")
    kept: dict[str, Any] = {name: row[name] for name in names}
    return exact_json.encode({**kept, "customFields": {"textCustomFields": fields}}).encode()


def _language(fields: Mapping[str, str], languages: Languages) -> str:
    """The language that amounts are written in: the envelope's own, else its company's."""
    return fields["language"] or languages.get(fields["legal_entity"], languages.get("", ""))


def _terms(fields: Mapping[str, str], language: str) -> tuple[dict[str, Any], list[str]]:
    """The numbers and days that are told, and the names of those that cannot be read."""
    found, unread = dict[str, Any](), list[str]()
    for name, field, read in _TERMS:
        try:
            found |= {name: read(fields[field], language)} if fields[field] else {}
        except (ValueError, Drift):
            unread.append(name)
    return found, unread


def _day(written: str, _language: str) -> date:
    return date.fromisoformat(written)


_TERMS: tuple[tuple[str, str, Callable[[str, str], Any]], ...] = (
    ("value", "contract_value", amount),
    ("cap", "cap", amount),
    ("retainer", "retainer", amount),
    ("retainer_hours", "retainer_hours", amount),
    ("starts_on", "starts_on", _day),
    ("ends_on", "ends_on", _day),
)
"""What of a contract is a number or a day, in which custom field, and how it is read."""
