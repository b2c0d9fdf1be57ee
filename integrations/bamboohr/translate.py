"""An employee in canonical words, whichever way the account told of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from controltower.canonical.events import RESOURCE_CHANGED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Resource, ResourceStatus
from integrations import exact_json
from integrations.connector import Change, Subscription
from integrations.shape import (
    Drift,
    Row,
    amount_text,
    at,
    choice,
    day,
    listed,
    moment,
    object_of,
    required,
    text,
)

FIELDS = (
    "id", "employeeNumber", "firstName", "lastName", "workEmail", "jobTitle", "location", "status",
    "hireDate", "terminationDate", "lastChanged", "customLegalEntity", "customSkills",
    "customCostRate", "customTowerReference", "customWeeklyHours",
)  # fmt: skip
"""What is asked for. A field that the key may not see is left out by the vendor, which is told as
drift rather than read as empty."""
_MAY_BE_MISSING = {"customWeeklyHours": None}
"""A field that an account need not have."""
_STATUS = {"Active": ResourceStatus.ACTIVE, "Inactive": ResourceStatus.LEFT}
_NO_DAY = "0000-00-00"


def resource(row: Row) -> Resource:
    """The employee. Raises Drift."""
    row = {**_MAY_BE_MISSING, **row}
    cost = at(row, "customCostRate")
    return Resource(
        source_id=required(row, "id"),
        number=text(row, "employeeNumber"),
        name=f"{text(row, 'firstName')} {text(row, 'lastName')}".strip(),
        email=text(row, "workEmail"),
        entity=text(row, "customLegalEntity"),
        role=text(row, "jobTitle"),
        skills=tuple(filter(None, map(str.strip, text(row, "customSkills").split(",")))),
        location=text(row, "location"),
        cost_rate=amount_text(row, "customCostRate.value"),
        currency="" if cost is None else required(row, "customCostRate.currency"),
        weekly_hours=amount_text(row, "customWeeklyHours"),
        from_date=_day(row, "hireDate"),
        to_date=_day(row, "terminationDate"),
        status=choice(row, "status", _STATUS),
        reference=text(row, "customTowerReference"),
    )


def removed(number: str) -> Resource:
    """What is left of an employee that the account has deleted."""
    return Resource(source_id=number, status=ResourceStatus.REMOVED)


def change(source: str, found: Resource, row: Row, stamp: str) -> Change:
    """One fact; `row` is what was read and `stamp` when the vendor last changed it. Raises Drift.

    Its id is made of what it says: our own reference, written back, makes no new fact, and a
    webhook and a poll of the same change are one.
    """
    said = {**found.as_dict(), "reference": ""}
    digest = hashlib.blake2b(exact_json.encode(said).encode(), digest_size=8).hexdigest()
    keys = (("resource", found.source_id), ("employee number", found.number))
    event = CanonicalEvent(
        id=f"resource:{found.source_id}:{digest}",
        type=RESOURCE_CHANGED,
        source=f"{source}/resource",
        subject=f"resource:{found.source_id}",
        time=moment({"lastChanged": stamp}, "lastChanged"),
        version=stamp,
        record=found,
        keys=tuple(BusinessKey(kind, value) for kind, value in keys if value),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def changed(source: str, row: Row, stamp: str) -> Change:
    """The fact that an employee's row tells. Raises Drift."""
    return change(source, resource(row), row, stamp)


def told(source: str, raw: bytes) -> list[Change]:
    """The facts of a field-based webhook that posts every one of `FIELDS`. Raises Drift."""
    try:
        content = exact_json.decode(raw)
    except ValueError:
        raise Drift("the message is not JSON") from None
    return [_told(source, notice) for notice in listed(object_of(content), "employees")]


def _told(source: str, notice: Row) -> Change:
    number, stamp = required(notice, "id"), required(notice, "timestamp")
    if choice(notice, "action", {"Created": False, "Updated": False, "Deleted": True}):
        return change(source, removed(number), {"id": number, "action": "Deleted"}, stamp)
    posted: Mapping[str, Any] = object_of(at(notice, "fields"))
    row = {name: at(object_of(posted[name]), "value") for name in FIELDS if name in posted}
    return changed(source, row, stamp)


def webhooks(content: Row, address: str) -> list[Subscription]:
    """Those of an account that point at an address. Raises Drift."""
    return [
        Subscription("resource", required(hook, "id"))
        for hook in listed(content, "webhooks")
        if text(hook, "url") == address
    ]


def retold(raw: bytes) -> Resource:
    """What the bytes of a change mean. Raises Drift."""
    row = object_of(exact_json.decode(raw))
    return removed(required(row, "id")) if row.get("action") == "Deleted" else resource(row)


def _day(row: Row, path: str) -> date | None:
    """The vendor writes an empty date as zeros."""
    return None if text(row, path) == _NO_DAY else day(row, path)
