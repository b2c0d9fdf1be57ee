"""The port on a Salesforce org, for whichever entities a connector declares."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Kind,
    Misconfigured,
    Outcome,
    Quota,
    Rejected,
    Verdict,
)
from integrations import exact_json
from integrations.answers import as_agreed, each, not_offered
from integrations.connector import (
    CallFailed,
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Unread,
)
from integrations.http import Answer
from integrations.salesforce_platform.changes import Cursor, literal, quoted
from integrations.salesforce_platform.client import OrgClient, content_of, following_page, rows_of
from integrations.salesforce_platform.entity import (
    CORRELATION_ID,
    EXTERNAL_ID,
    Entity,
    encoded,
    selection,
)
from integrations.salesforce_platform.refusals import with_values
from integrations.salesforce_platform.way import Way
from integrations.shape import Drift, Row, flag, object_of, required

if TYPE_CHECKING:
    from integrations.salesforce_platform.pubsub import PubSub

MOST_PER_PAGE = 2000
IN_ORDER = "SystemModstamp, Id"
_SHORT_ID = 15
"""Signs of an id as people copy it; the org answers with three more."""
_MOST_IDS = 100
"""What fits into the address of a query."""
_FIELD = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*")
_LOOK_UPS = {
    "key": EXTERNAL_ID,
    "external_id": EXTERNAL_ID,
    "idempotency_key": EXTERNAL_ID,
    "correlation_id": CORRELATION_ID,
    "ref": "Id",
}
"""Our words for what a record is found by; anything else is a field of the org."""


Read = tuple[list[Change], list[Unread]]
"""Facts, and rows that could not be read."""


class OrgConnector:
    """One connection to one org. Options: `overlap_seconds` and `lookback_days` of the feeds, and
    `stream` for those that are not polled (see `way`)."""

    descriptor: Descriptor
    entities: Mapping[str, Entity]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = OrgClient(connection)
        options = connection.options
        self._overlap = timedelta(seconds=float(options.get("overlap_seconds", 10)))
        self._lookback = timedelta(days=float(options.get("lookback_days", 7)))
        self._bus: PubSub | None = None
        if way := Way.of(options):
            from integrations.salesforce_platform.pubsub import PubSub

            self.descriptor = way.declared(self.descriptor)
            self._bus = PubSub(connection, way, self._client)

    async def close(self) -> None:
        """Give sockets back."""
        if self._bus:
            await self._bus.close()
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for the limits: a signed-in call that reads no business data."""
        answer = await self._client.call("GET", "/limits")
        if not isinstance(answer, Answer):
            return answer
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """The daily quota, shared by every connection to the org."""
        return self._client.quota

    async def ack(self, refs: Sequence[str]) -> None:
        """Nothing to say: a poll leaves the source as it is."""

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """A page of facts, by the stream where one is configured. Raises CallFailed.

        A cursor that cannot be read starts anew at the look-back and is told as a gap.
        """
        kind = self._kind(entity)
        if not kind.feed:
            return ChangePage(changes=(), next_cursor=cursor)
        if self._bus and self.descriptor.feeds[entity] is ChangeFeed.STREAM:
            from integrations.salesforce_platform.streaming import Stream

            poll, look_up = partial(self._poll, entity, kind), partial(self._look_up, entity, kind)
            return await Stream(self._bus, kind, poll, look_up).read(cursor, limit)
        return await self._poll(entity, kind, cursor, limit)

    async def _poll(self, entity: str, kind: Entity, cursor: str, limit: int) -> ChangePage:
        """A page of facts by stamp and id."""
        size = min(limit, MOST_PER_PAGE)
        known = Cursor.read(cursor)
        start = known or Cursor.beginning(self._lookback, datetime.now(UTC))
        rows = await self._select(
            selection(kind, f"{kind.feed} AND {start.condition(self._overlap)}", IN_ORDER)
            + f" LIMIT {size}",
            kind.hears_deletion,
        )
        has_more = len(rows) == size
        changes, aside = self._each(entity, kind, start.fresh(rows))
        following = start.advanced(rows, has_more, self._overlap)
        return ChangePage(
            changes=changes,
            next_cursor=following.text(),
            has_more=has_more,
            gap=bool(cursor) and known is None,
            aside=aside,
        )

    async def _look_up(self, entity: str, kind: Entity, refs: Sequence[str]) -> Read:
        """Those of these records that are facts, as a poll would tell them."""
        rows: list[Row] = []
        for start in range(0, len(refs), _MOST_IDS):
            ids = ", ".join(quoted(ref) for ref in refs[start : start + _MOST_IDS])
            wanted = selection(kind, f"{kind.feed} AND Id IN ({ids})", IN_ORDER)
            rows += await self._select(wanted, kind.hears_deletion)
        return self._each(entity, kind, rows)

    def _each(self, entity: str, kind: Entity, rows: Sequence[Row]) -> Read:
        """The facts in rows, and those that cannot be read. Raises CallFailed."""
        items = ((_id(row), row, partial(self._change, entity, kind, row)) for row in rows)
        return as_agreed(lambda: each(items))

    def _change(self, entity: str, kind: Entity, row: Row) -> Change:
        record = kind.translate(row)
        assert isinstance(record, Record)
        event = CanonicalEvent(
            id=f"{entity}:{row['Id']}:{kind.digest(row)}",
            type=kind.event_type,
            source=f"{self._connection.slug}/{entity}",
            subject=f"{entity}:{row['Id']}",
            time=kind.happened_at(row),
            version=required(row, "SystemModstamp"),
            record=record,
            keys=kind.keys(row),
            correlation_id=kind.correlation(row),
        )
        return Change(raw=exact_json.encode(row).encode(), event=event)

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        return self._change(entity, self._kind(entity), object_of(exact_json.decode(row.raw)))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """The row that a change is made of holds all that the record is made of."""
        kind = self.entities.get(entity)
        record = kind.translate(exact_json.decode(raw)) if kind else None
        return record if isinstance(record, Record) else None

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """The canonical record; an org has no companies to choose from."""
        return await self._get(entity, ref)

    async def _get(self, entity: str, ref: str, *, or_deleted: bool = False) -> Verdict:
        kind = self._kind(entity)
        answer = await self._query(selection(kind, f"Id = {quoted(ref)}", "Id"), or_deleted)
        missing = f"{self.descriptor.title} has no {entity} with the id {ref}."
        if isinstance(answer, Misconfigured) and "invalid ID" in answer.text:
            return Rejected(kind=Kind.NOT_FOUND, text=missing, exchange=answer.exchange)
        if not isinstance(answer, Answer):
            return answer
        rows = rows_of(answer)
        if not rows:
            return Rejected(kind=Kind.NOT_FOUND, text=missing, exchange=answer.exchange)
        found = as_agreed(lambda: kind.found(rows[0], answer.exchange), answer.exchange)
        return replace(found, ref=ref) if found.ref[:_SHORT_ID] == ref else found

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Look a record up by our reference, or by fields of the org."""
        kind = self._kind(entity)
        fields = {_LOOK_UPS.get(name, name): value for name, value in business_key.items()}
        if not fields or not all(_FIELD.fullmatch(name) for name in fields):
            unclear = f"No record can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        wanted = [f"{name} = {quoted(str(value))}" for name, value in fields.items()]
        answer = await self._query(selection(kind, " AND ".join(wanted), "Id") + " LIMIT 10")
        if not isinstance(answer, Answer):
            return answer
        rows = rows_of(answer)
        shown = ", ".join(f"{name} {value}" for name, value in business_key.items())
        if not rows:
            absent = f"Salesforce has no {kind.object} with {shown}."
            return Rejected(kind=Kind.NOT_FOUND, text=absent, exchange=answer.exchange)
        if len(rows) > 1:
            ids = ", ".join(str(row["Id"]) for row in rows)
            several = f"{len(rows)} records of {kind.object} have {shown}: {ids}."
            return Rejected(kind=Kind.DUPLICATE, text=several, exchange=answer.exchange)
        return as_agreed(lambda: kind.found(rows[0], answer.exchange), answer.exchange)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """What would certainly be refused, found without a call; None when nothing speaks against
        sending."""
        return self._kind(entity).objection(record)

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Create or update by external id: the record's own, else the key itself. Class A."""
        if objection := await self.check(entity, record):
            return objection
        kind = self._kind(entity)
        external = str(record.get(EXTERNAL_ID) or idempotency_key)
        fields = {name: value for name, value in record.items() if name != EXTERNAL_ID}
        path = f"/sobjects/{kind.object}/{EXTERNAL_ID}/{quote(external, safe='')}"
        answer = await self._client.call("PATCH", path, encoded(kind, fields))
        if not isinstance(answer, Answer):
            return with_values(answer, record)
        try:
            content = content_of(answer)
            outcome = Outcome.CREATED if flag(content, "created") else Outcome.UPDATED
            ref = required(content, "id")
        except Drift as drift:
            return drift.doubt(answer.exchange)
        values = {"source_id": ref, "external_id": external}
        return Done(ref=ref, outcome=outcome, values=values, exchange=answer.exchange)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``update``: set fields of an existing record; the same call leaves the same state."""
        if action != "update":
            return not_offered(self.descriptor.title, f"“{action}” on {entity}")
        kind = self._kind(entity)
        path = f"/sobjects/{kind.object}/{quote(ref, safe='')}"
        answer = await self._client.call("PATCH", path, encoded(kind, record))
        if not isinstance(answer, Answer):
            return with_values(answer, record)
        return Done(ref=ref, outcome=Outcome.UPDATED, exchange=answer.exchange)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Every record changed in the window. Raises CallFailed."""
        kind = self._kind(entity)
        window = f"SystemModstamp >= {literal(since)} AND SystemModstamp < {literal(until)}"
        rows = await self._select(selection(kind, window, IN_ORDER))
        return as_agreed(lambda: [kind.key(row) for row in rows])

    def _kind(self, entity: str) -> Entity:
        """How an entity is kept. Raises CallFailed for one that is not offered."""
        if entity not in self.entities:
            raise CallFailed(not_offered(self.descriptor.title, entity))
        return self.entities[entity]

    async def _query(self, soql: str, or_deleted: bool = False) -> Answer | Verdict:
        resource = "queryAll" if or_deleted else "query"
        asked = urlencode({"q": soql}, quote_via=quote)
        return await self._client.call("GET", f"/{resource}?{asked}")

    async def _select(self, soql: str, or_deleted: bool = False) -> list[Row]:
        """Every row of a query, page after page. Raises CallFailed."""
        answer = await self._query(soql, or_deleted)
        rows: list[Row] = []
        while True:
            if not isinstance(answer, Answer):
                raise CallFailed(answer)
            rows += rows_of(answer)
            if not (following := following_page(answer)):
                return rows
            answer = await self._client.call("GET", following)


def _id(row: Row) -> str:
    return str(row.get("Id") or "")
