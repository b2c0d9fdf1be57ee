"""The pretend environment's webhooks: subscriptions that end after three days, the handshake at the
subscriber's door, and notifications of what changed in a while.

As the vendor documents it ("Working with webhooks", API v1.0 and v2.0): a subscription is made and
renewed only when the door gives the token back; a door that cannot be reached, or answers 408, 429
or 5xx, is tried again for 36 hours; any other refusal ends the subscription.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.business_central.books import PAPERS, Books, Fault, stamp
from integrations.sandbox.business_central.shapes import etag, expects
from integrations.sandbox.business_central.wire import answer, body_of, explained
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Vendor

COLLECTION = "subscriptions"
LIVES = timedelta(days=3)
TRIED_FOR = timedelta(hours=36)
EVERY = 2.0
"""Seconds for which changes gather; the vendor's default is 30, on-premises it is a setting."""
MOST_SINGLY = 1000
"""Changes of a collection that are told one by one."""
_RESOURCE = re.compile(r"(/?api/v1\.0)?/?companies\(([0-9a-fA-F-]{36})\)/(\w+)")
_SUPPORTED = frozenset({"customers", "accounts", "paymentTerms", "generalLedgerEntries", *PAPERS})
_INNER = {"company", "watched"}
_JSON = {"Content-Type": "application/json; charset=utf-8"}


_News = tuple[Document, Sequence[dict[str, Any]], str]
"""A subscription, its notifications, and up to when they tell of it."""


class Hooks:
    """The environment's subscriptions, and who is told of what."""

    def __init__(self, books: Books, vendor: Vendor) -> None:
        self.books, self.store = books, books.store
        self._vendor = vendor

    def routes(self, router: web.UrlDispatcher, api: str) -> None:
        """The vendor's resource `subscriptions`."""
        one = f"{api}/{COLLECTION}('{{subscription_id}}')"
        router.add_get(f"{api}/{COLLECTION}", self._list)
        router.add_post(f"{api}/{COLLECTION}", self._subscribe)
        router.add_get(one, self._show)
        router.add_patch(one, self._renew)
        router.add_delete(one, self._remove)

    async def run(self) -> None:
        """Tell changes until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.send()

    async def send(self) -> None:
        """Tell each door what has changed since it was last told."""
        for url, told in self._news().items():
            entries = [entry for _, found, _ in told for entry in found]
            raw = exact_json.encode({"value": entries}).encode()
            status = await self._vendor.tell(url, raw, _JSON)
            for one, _, until in told:
                self._note(one, until, status)

    def add(self, wanted: Mapping[str, Any]) -> Document:
        """A subscription to a `resource`, beginning now. Raises Fault."""
        match = _RESOURCE.search(str(wanted.get("resource") or ""))
        if match is None or match[3] not in _SUPPORTED:
            words = f"Webhooks are not supported for the resource '{wanted.get('resource')}'."
            raise Fault(400, "BadRequest", words)
        self.books.one("companies", match[2])
        content = {
            "notificationUrl": str(wanted["notificationUrl"]),
            "resource": str(wanted["resource"]),
            "clientState": str(wanted.get("clientState") or ""),
            "userId": str(uuid.UUID(int=1)),
            "expirationDateTime": stamp(datetime.now(UTC) + LIVES),
            "company": match[2],
            "watched": match[3],
        }
        made = self.store.add(COLLECTION, content, uuid.uuid4().hex)
        self.store.set(_told(made), made.created.isoformat())
        return made

    def known(self) -> list[Document]:
        """The subscriptions that have not ended."""
        now = stamp(datetime.now(UTC))
        kept = self.store.all(COLLECTION)
        for one in kept:
            if one.content["expirationDateTime"] <= now:
                self.store.remove(COLLECTION, one.id)
        return [one for one in kept if one.content["expirationDateTime"] > now]

    async def _list(self, request: web.Request) -> web.Response:
        return answer({"value": [_shown(one) for one in self.known()]})

    async def _show(self, request: web.Request) -> web.Response:
        with explained():
            return answer(_shown(self._asked(request)))

    async def _subscribe(self, request: web.Request) -> web.Response:
        wanted = await body_of(request)
        with explained():
            await self._shake_hands(str(wanted.get("notificationUrl") or ""))
            return answer(_shown(self.add(wanted)), 201)

    async def _renew(self, request: web.Request) -> web.Response:
        """Another three days, and what else is said."""
        with explained():
            known = self._asked(request)
            expects(known, request.headers.get("If-Match", ""))
            wanted = await body_of(request)
            said = {name: str(wanted[name]) for name in _CHANGEABLE if name in wanted}
            await self._shake_hands(said.get("notificationUrl", known.content["notificationUrl"]))
            lasting = {"expirationDateTime": stamp(datetime.now(UTC) + LIVES)}
            return answer(_shown(self.store.change(COLLECTION, known.id, said | lasting)))

    async def _remove(self, request: web.Request) -> web.Response:
        with explained():
            self.store.remove(COLLECTION, self._asked(request).id)
        return web.Response(status=204)

    def _asked(self, request: web.Request) -> Document:
        self.known()
        return self.books.one(COLLECTION, request.match_info["subscription_id"])

    async def _shake_hands(self, url: str) -> None:
        """The door must give back what it is asked with. Raises Fault."""
        if not urlsplit(url).netloc:
            raise Fault(400, "BadRequest", f"The notification URL '{url}' is not valid.")
        token = str(uuid.uuid4())
        query = urlencode({"validationToken": token})
        status, said = await self._vendor.post(f"{url}{'&' if '?' in url else '?'}{query}", b"", {})
        if status != 200 or said.strip() != token.encode():
            words = f"The validation of the notification URL failed: it answered {status or 'not'}."
            raise Fault(400, "BadRequest", words)

    def _news(self) -> Mapping[str, list[_News]]:
        """By door: subscriptions, what there is to tell of each, and up to when that is."""
        found = defaultdict[str, list[_News]](list)
        for one in self.known():
            since = datetime.fromisoformat(self.store.setting(_told(one)))
            changed = [
                row
                for row in self.store.since(one.content["watched"], since)
                if row.content["company"] == one.content["company"]
            ]
            if changed:
                until = changed[-1].changed.isoformat()
                found[one.content["notificationUrl"]].append((one, _entries(one, changed), until))
        return found

    def _note(self, one: Document, until: str, status: int) -> None:
        """What becomes of a subscription whose door gave this answer."""
        now, failing = datetime.now(UTC), self.store.setting(_failing(one))
        if 200 <= status < 300:
            self.store.set(_told(one), until)
            self.store.set(_failing(one), "")
        elif (status in {0, 408, 429} or status >= 500) and not _tried_long(failing, now):
            self.store.set(_failing(one), failing or now.isoformat())
        else:
            self.store.remove(COLLECTION, one.id)


def _told(one: Document) -> str:
    """The setting up to when a subscription's changes were told."""
    return f"told {one.id}"


def _failing(one: Document) -> str:
    """The setting since when a subscription's door has failed; "" while it does not."""
    return f"failing {one.id}"


_CHANGEABLE = ("notificationUrl", "resource", "clientState")


def _tried_long(since: str, now: datetime) -> bool:
    return bool(since) and datetime.fromisoformat(since) + TRIED_FOR < now


def _entries(one: Document, changed: Sequence[Document]) -> list[dict[str, Any]]:
    """A notification for each change, or one for all where there are too many."""
    path = f"api/v1.0/companies({one.content['company']})/{one.content['watched']}"
    if len(changed) > MOST_SINGLY:
        since = quote(f"lastModifiedDateTime gt {stamp(changed[0].changed)}", safe="$")
        return [_entry(one, f"{path}?$filter={since}", "collection", changed[-1])]
    return [_entry(one, f"{path}({row.id})", _kind(row), row) for row in changed]


def _entry(one: Document, resource: str, kind: str, last: Document) -> dict[str, Any]:
    return {
        "subscriptionId": one.id,
        "clientState": one.content["clientState"],
        "expirationDateTime": one.content["expirationDateTime"],
        "resource": resource,
        "changeType": kind,
        "lastModifiedDateTime": stamp(last.changed),
    }


def _kind(row: Document) -> str:
    if row.gone:
        return "deleted"
    return "created" if row.version == 1 else "updated"


def _shown(one: Document) -> dict[str, Any]:
    said = {name: value for name, value in one.content.items() if name not in _INNER}
    stamped = {"lastModifiedDateTime": stamp(one.changed)}
    return {"@odata.etag": etag(one), "subscriptionId": one.id, **said, **stamped}
