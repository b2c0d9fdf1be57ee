"""BambooHR's door: employees are read, changes polled or told, our reference written back."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from controltower.canonical.records import Record, Resource
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Quota,
    Rejected,
    Verdict,
)
from integrations import exact_json
from integrations.answers import Item, as_agreed, each, not_offered, offered
from integrations.bamboohr import time_off, translate
from integrations.bamboohr.changes import SETTLED, Changed, Place, following
from integrations.bamboohr.client import BambooClient, content_of
from integrations.bamboohr.needs import NEEDS
from integrations.bamboohr.time_off import TimeOff
from integrations.connector import (
    Auth,
    CallFailed,
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Forged,
    Key,
    Operation,
    Subscription,
    Unread,
    Verification,
)
from integrations.http import Answer
from integrations.shape import Row, at, listed, object_of, required, text

_TITLE = "BambooHR"
MOST_PER_PAGE = 50
TOLERANCE = timedelta(minutes=5)
_OF_TIME_OFF = ("absence", "availability")
_FIELDS = ",".join(translate.FIELDS)


class BambooConnector:
    """One account. Secrets: `api_key`, `webhook_key`. Options: `lookback_days` (30), where a feed
    without a cursor begins, and `settle_seconds` (60), how far it stays behind the clock."""

    descriptor = Descriptor(
        name="bamboohr",
        title=_TITLE,
        domain="HRIS",
        api_version="v1",
        feeds={"resource": ChangeFeed.POLL, "absence": ChangeFeed.POLL},
        operations=(
            *(Operation(name, "get", Effect.READ) for name in ("resource", *_OF_TIME_OFF)),
            Operation("resource", "update", Effect.IDEMPOTENT),
            Operation("webhook_log", "get", Effect.READ),
        ),
        verification=Verification.CONTRACT,
        auth=Auth.BASIC,
        concurrency=4,
        told=("resource",),
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = BambooClient(connection)
        self._time_off = TimeOff(self._client, connection.slug)
        options = connection.options
        self._lookback = timedelta(days=float(options.get("lookback_days", 30)))
        self._settle = timedelta(seconds=max(float(options.get("settle_seconds", SETTLED)), 1))

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask what has changed since now: signed in, and almost nothing to answer."""
        answer = await self._client.read(_changed_since(Place(datetime.now(UTC)).since))
        if not isinstance(answer, Answer):
            return answer
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """The vendor keeps its limits to itself."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Employees changed after `cursor`, oldest first, each read as it is now; or requests for
        time off. Raises CallFailed."""
        offered(_TITLE, entity, self.descriptor.feeds.keys())
        now = datetime.now(UTC)
        if entity == "absence":
            page_size = min(limit, MOST_PER_PAGE)
            return await self._time_off.read_changes(cursor, page_size, now, self._lookback)
        known = Place.read(cursor)
        start = known or Place(now - self._lookback)
        listed, unclear = await self._changed(start.since)
        changed = [one for one in listed if one.place > start]
        page = changed[: min(limit, MOST_PER_PAGE)]
        has_more = len(changed) > len(page)
        changes, aside = await self._as_they_are(page)
        return ChangePage(
            changes=changes,
            aside=[*unclear, *aside],
            next_cursor=following(page, start, has_more, now - self._settle).text(),
            has_more=has_more,
            gap=bool(cursor) and known is None,
        )

    async def _changed(self, since: str) -> tuple[list[Changed], list[Unread]]:
        """Who was changed, oldest first, and entries that do not say when or who."""
        answer = await self._answer(_changed_since(since))

        def entries() -> tuple[list[Changed], list[Unread]]:
            rows = object_of(at(object_of(content_of(answer)), "employees"))
            return each(
                (number, object_of(row), partial(Changed.read, object_of(row)))
                for number, row in rows.items()
            )

        found, unclear = as_agreed(entries, answer.exchange)
        return sorted(found, key=_in_order), unclear

    async def _as_they_are(
        self, changed: Sequence[Changed]
    ) -> tuple[Sequence[Change], Sequence[Unread]]:
        """Each employee read, a few beside each other: a page must end within the deadline."""
        gate = asyncio.Semaphore(self.descriptor.concurrency)

        async def one(entry: Changed) -> Item[Change]:
            async with gate:
                return await self._item(entry)

        items = await asyncio.gather(*map(one, changed))
        return as_agreed(lambda: each(items))

    async def _item(self, changed: Changed) -> Item[Change]:
        number, stamp = str(changed.place.number), changed.place.at.isoformat()
        source = self._connection.slug
        if not changed.removed:
            answer = await self._client.read(_employee(number, _FIELDS))
            if isinstance(answer, Answer):
                row = as_agreed(partial(_row, answer), answer.exchange)
                return number, row, partial(translate.changed, source, row, stamp)
            if not (isinstance(answer, Rejected) and answer.kind is Kind.NOT_FOUND):
                raise CallFailed(answer)
        row, gone = {"id": number, "action": "Deleted"}, translate.removed(number)
        return number, row, partial(translate.change, source, gone, row, stamp)

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        said = object_of(exact_json.decode(row.raw))
        if entity == "absence":
            return time_off.changed_of(self._connection.slug, said)
        return translate.changed(self._connection.slug, said, required(said, "lastChanged"))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the employee's whole record."""
        readers = {"resource": translate.retold, "absence": time_off.retold}
        return readers[entity](raw) if entity in readers else None

    def verify_inbound(
        self, headers: Mapping[str, str], raw: bytes, now: datetime
    ) -> Sequence[Change]:
        """HMAC-SHA256, hex, over the body followed by the timestamp. Raises Forged, Drift."""
        stamp = headers.get("x-bamboohr-timestamp", "")
        given = headers.get("x-bamboohr-signature", "").encode()
        keys = self._connection.secrets.get("webhook_key", "").split()
        wanted = [hmac.new(key.encode(), raw + stamp.encode(), hashlib.sha256) for key in keys]
        if not any(hmac.compare_digest(one.hexdigest().encode(), given) for one in wanted):
            raise Forged("It is not signed with the webhook's key.")
        if not (stamp.isascii() and stamp.isdecimal()):
            raise Forged("It does not say when it was sent.")
        if abs(now.timestamp() - int(stamp[:12])) > TOLERANCE.total_seconds():
            raise Forged("It was not sent just now.")
        return translate.told(self._connection.slug, raw)

    async def subscriptions(self, address: str) -> Sequence[Subscription]:
        """The webhooks of the key's user. They are there or not: none is switched off."""
        answer = await self._answer("/webhooks")
        return as_agreed(lambda: translate.webhooks(_row(answer), address), answer.exchange)

    async def ack(self, refs: Sequence[str]) -> None:
        """Nothing to say: a poll leaves the source as it is."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One employee, one request for time off, or the last deliveries of a webhook; or the
        ``availability`` of an employee: approved days off from a day to another, a line each."""
        offered(_TITLE, entity, {"resource", "webhook_log", *_OF_TIME_OFF})
        if entity in _OF_TIME_OFF:
            return await self._time_off.get(entity, ref)
        if not (ref.isascii() and ref.isdecimal() and int(ref)):
            return Rejected(kind=Kind.NOT_FOUND, text=f"BambooHR has no {entity} “{ref}”.")
        if entity == "webhook_log":
            answer = await self._answer(f"/webhooks/{ref}/log")
            deliveries = as_agreed(
                lambda: listed({"log": content_of(answer)}, "log"), answer.exchange
            )
            values = {"deliveries": [dict(row) for row in deliveries]}
            return Done(ref=ref, outcome=Outcome.READ, values=values, exchange=answer.exchange)
        answer = await self._answer(_employee(ref, _FIELDS))
        return as_agreed(lambda: _done(answer), answer.exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Somebody by `email`, through the directory; or by `ref`."""
        offered(_TITLE, entity, {"resource"})
        if "ref" in business_key:
            return await self.get(entity, str(business_key["ref"]))
        wanted = str(business_key.get("email") or "").lower()
        if not wanted:
            unclear = f"Nobody can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        answer = await self._answer("/employees/directory")
        found = as_agreed(lambda: _of_email(answer, wanted), answer.exchange)
        if len(found) > 1:
            several = f"{len(found)} people have this address: {', '.join(found)}."
            return Rejected(kind=Kind.DUPLICATE, text=several, exchange=answer.exchange)
        if not found:
            text = "Nobody in BambooHR has this address."
            return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=answer.exchange)
        return await self.get(entity, found[0])

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing speaks against sending that only the account itself could know."""
        offered(_TITLE, entity, {"resource"})
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Not offered: people are hired in the HR system, not here."""
        return not_offered(_TITLE, f"upsert of {entity}")

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``update``: set fields of an employee; the same call leaves the same state."""
        if (entity, action) != ("resource", "update"):
            return not_offered(_TITLE, f"“{action}” on {entity}")
        answer = await self._client.write(_employee(ref), record)
        if not isinstance(answer, Answer):
            return answer
        return Done(ref=ref, outcome=Outcome.UPDATED, exchange=answer.exchange)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Everybody changed in the window, with what an hour costs. Raises CallFailed."""
        offered(_TITLE, entity, {"resource"})
        changed, _unclear = await self._changed(Place(since).since)
        wanted = [one for one in changed if since <= one.place.at < until and not one.removed]
        changes, _aside = await self._as_they_are(wanted)
        facts = [change.event for change in changes]
        return [_key(event.record, event.version) for event in facts]

    async def _answer(self, path: str) -> Answer:
        answer = await self._client.read(path)
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        return answer


def _changed_since(since: str) -> str:
    return f"/employees/changed?{urlencode({'since': since})}"


def _employee(ref: str, fields: str = "") -> str:
    path = f"/employees/{quote(ref, safe='')}"
    return f"{path}?{urlencode({'fields': fields})}" if fields else path


def _row(answer: Answer) -> Row:
    return object_of(content_of(answer))


def _in_order(changed: Changed) -> Place:
    return changed.place


def _of_email(answer: Answer, wanted: str) -> list[str]:
    people: Sequence[Row] = listed(object_of(content_of(answer)), "employees")
    return [required(one, "id") for one in people if text(one, "workEmail").lower() == wanted]


def _done(answer: Answer) -> Done:
    row = _row(answer)
    found = translate.resource(row)
    return Done(
        ref=found.source_id,
        outcome=Outcome.READ,
        version=required(row, "lastChanged"),
        values=found.as_dict(),
        exchange=answer.exchange,
    )


def _key(record: Record, version: str) -> Key:
    assert isinstance(record, Resource)
    amount = str(record.cost_rate)
    return Key(record.source_id, record.number, version, amount, record.currency)
