"""What the vendor tells us by itself: subscriptions, each of a collection in a company, that end
after three days; and their notifications, which only say what to read again.

They carry no signature: what proves them is `clientState`, which we chose when we subscribed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from controltower.canonical.verdicts import Kind, Misconfigured
from integrations import exact_json
from integrations.answers import as_agreed
from integrations.business_central.client import API_VERSION, CentralClient
from integrations.business_central.codes import Company
from integrations.business_central.papers import PAPERS
from integrations.business_central.wire import etag_of
from integrations.connector import CallFailed, Forged, Subscription
from integrations.shape import Drift, Row, listed, moment, object_of, required, text

RENEWED_BEFORE = timedelta(hours=36)
"""How long before its end a subscription is renewed: half of its time, so that a vendor who does
not answer for a day ends none."""
COLLECTIONS: Mapping[str, str] = {
    "customer": "customers",
    **{entity: paper.collection for entity, paper in PAPERS.items()},
}
_ENTITIES = {collection: entity for entity, collection in COLLECTIONS.items()}
_RESOURCE = re.compile(r"companies\(([^)]*)\)/(\w+)")
_PATH = "/subscriptions"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Environments before version 19 begin their notifications with it."""


@dataclass(frozen=True, slots=True)
class _One:
    """A subscription of ours at the vendor. `company` is the vendor's id of it."""

    ref: str
    entity: str
    company: str
    ends: datetime
    state: str
    etag: str


async def seen(
    client: CentralClient, companies: Sequence[Company], address: str
) -> list[Subscription]:
    """By entity what is told to `address`, ending with the first that ends; in trouble where a
    company is left out. Raises CallFailed."""
    ours = await _ours(client, address)
    return [
        _as_one([one for one in ours if one.entity == entity], companies)
        for entity in COLLECTIONS
        if any(one.entity == entity for one in ours)
    ]


async def keep(
    client: CentralClient,
    companies: Sequence[Company],
    address: str,
    entities: Collection[str],
    state: str,
) -> None:
    """Make what is missing, renew what ends soon or says another `state`. The vendor knocks at
    `address` before it answers. One that is refused keeps no other from being made; raises
    CallFailed with the first refusal."""
    if not state:
        words = "The system has no secret “client_state”, by which its notifications are known."
        raise CallFailed(Misconfigured(kind=Kind.CONTRACT, text=words))
    ours = {(one.entity, one.company): one for one in await _ours(client, address)}
    due = datetime.now(UTC) + RENEWED_BEFORE
    refused: list[CallFailed] = []
    for entity in entities:
        for company in companies:
            known = ours.get((entity, company.id.lower()))
            if known and known.ends > due and known.state == state:
                continue
            try:
                await _put(client, known, _said(company, entity, address, state))
            except CallFailed as failure:
                refused.append(failure)
    if refused:
        raise refused[0]


def hinted(raw: bytes, states: Collection[str]) -> set[str]:
    """Entities whose records a message says have changed: all of them where it names a resource
    that we cannot read. Raises Forged when not every notification in it says one of our states."""
    found = set[str]()
    for one in _notifications(raw):
        said = str(one.get("clientState") or "").encode()
        if not any(hmac.compare_digest(said, state.encode()) for state in states):
            raise Forged("It does not say what was agreed on when it was subscribed to.")
        match = _RESOURCE.search(str(one.get("resource") or ""))
        found |= {_ENTITIES.get(match[2], "")} if match else set(COLLECTIONS)
    return found - {""}


def _notifications(raw: bytes) -> Sequence[Row]:
    """Raises Forged: until something in it proves it, nothing in it counts."""
    try:
        found = listed(object_of(exact_json.decode(raw.removeprefix(_BYTE_ORDER_MARK))), "value")
    except (ValueError, Drift):
        found = []
    if not found:
        raise Forged("It is no notification of a subscription.")
    return found


async def _ours(client: CentralClient, address: str) -> list[_One]:
    rows, exchange = await client.rows(_PATH, {})

    def read() -> list[_One]:
        pointing = [row for row in rows if text(row, "notificationUrl") == address]
        return [one for row in pointing if (one := _one(row))]

    return as_agreed(read, exchange)


def _one(row: Row) -> _One | None:
    """None for a collection that we do not read. Raises Drift."""
    match = _RESOURCE.search(required(row, "resource"))
    entity = _ENTITIES.get(match[2]) if match else None
    if match is None or entity is None:
        return None
    ref, ends = required(row, "subscriptionId"), moment(row, "expirationDateTime")
    return _One(ref, entity, match[1].lower(), ends, text(row, "clientState"), etag_of(row))


def _as_one(told: Sequence[_One], companies: Sequence[Company]) -> Subscription:
    first = min(told, key=lambda one: one.ends)
    of = {one.company for one in told}
    silent = ", ".join(company.code for company in companies if company.id.lower() not in of)
    trouble = f"Nothing is told of {silent}." if silent else ""
    return Subscription(first.entity, first.ref, first.ends, trouble)


def _said(company: Company, entity: str, address: str, state: str) -> dict[str, Any]:
    resource = f"/api/{API_VERSION}{company.path}/{COLLECTIONS[entity]}"
    return {"notificationUrl": address, "resource": resource, "clientState": state}


async def _put(client: CentralClient, known: _One | None, said: Mapping[str, Any]) -> None:
    if known is None:
        await client.write("POST", _PATH, said)
    else:
        await client.write("PATCH", f"{_PATH}('{known.ref}')", said, known.etag)
