"""Kantata's door: workspaces are set up, approved work is read, billing is reported back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    FieldError,
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
    Auth,
    CallFailed,
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Unread,
    Verification,
)
from integrations.http import Answer
from integrations.kantata import accounting, budgets, feed, invoices, references, staffing
from integrations.kantata.client import VENDORS_PAGE, KantataClient
from integrations.kantata.clients import Clients
from integrations.kantata.custom_fields import CustomFields
from integrations.kantata.entities import ENTITIES, Entity
from integrations.kantata.envelope import identifier
from integrations.kantata.needs import NEEDS
from integrations.kantata.reading import ended, named, one, whole, written
from integrations.places import Place
from integrations.shape import Row, object_of

SLOWEST = timedelta(minutes=3, seconds=30)
"""The vendor cuts a request off after three minutes; by then it has been carried out or never
will be."""
_CREATED = ("project", "milestone", "assignment", "expense", "billing_event", "revenue_part")
_UPDATED = ("project", "client", "milestone", "assignment", "billing_event", "revenue_part")
_READ_APART = ("client", "resource", "workload")
"""What is no record of one collection: see `clients` and `staffing`."""


class KantataConnector:
    """One account. Secret: `token`. Options: `settle_seconds` (300), how far a feed stays behind
    the clock; `service` (control-tower), the name of our external references."""

    descriptor = Descriptor(
        name="kantata",
        title="Kantata OX",
        domain="PSA",
        api_version="v1",
        feeds={
            name: ChangeFeed.POLL if kind.event_type else ChangeFeed.NONE
            for name, kind in ENTITIES.items()
        },
        operations=(
            *(Operation(name, "get", Effect.READ) for name in (*ENTITIES, *_READ_APART)),
            *(Operation(name, "upsert", Effect.PROBED, SLOWEST) for name in _CREATED),
            *(Operation(name, "update", Effect.IDEMPOTENT, SLOWEST) for name in _UPDATED),
            Operation("billing_event", "mark_invoiced", Effect.IDEMPOTENT, SLOWEST),
            Operation("budget", "follow_changes", Effect.IDEMPOTENT, SLOWEST),
        ),
        verification=Verification.SANDBOX,
        auth=Auth.BASIC,
        concurrency=4,
        retention=feed.RETENTION,
        lacks=invoices.LACKS,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._source = connection.slug
        self._client = KantataClient(connection)
        self._fields = CustomFields(self._client)
        options = connection.options
        self._settle = timedelta(seconds=max(float(options.get("settle_seconds", feed.SETTLED)), 1))
        self._service = str(options.get("service", "control-tower"))
        self._clients = Clients(self._client, self._service)

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for one workspace: signed in, and almost nothing to answer."""
        answer = await self._client.read("/workspaces", page="1", per_page="1")
        if not isinstance(answer, Answer):
            return answer
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """The vendor keeps its limits to itself."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Approved records that events point to after `cursor`, each as it is now; from a cursor
        that the events no longer reach, and of what has no events, those changed since. Raises
        CallFailed."""
        kind = _fed(entity)
        now = datetime.now(UTC)
        known = Place.read(cursor)
        start = known or feed.beginning(now)
        out_of_reach = feed.is_out_of_reach(start, now)
        size = min(limit, VENDORS_PAGE)
        if out_of_reach or not kind.subject_type:
            hints = await feed.from_listing(self._client, kind, start, size)
        else:
            hints = await feed.from_events(self._client, kind.subject_type, start, size)
        following = hints.last if hints.has_more else Place(now - self._settle)
        rows = await self._read(kind, hints.numbers) if hints.numbers else []
        rows += await self._ended(kind, hints.gone, rows)
        changes, aside = as_agreed(
            lambda: each(
                (str(row.get("id") or ""), row, partial(kind.change, entity, self._source, row))
                for row in rows
            )
        )
        return ChangePage(
            changes=changes,
            aside=aside,
            next_cursor=following.text(),
            has_more=hints.has_more,
            gap=bool(cursor) and (known is None or out_of_reach),
            expires_at=following.at + feed.RETENTION,
        )

    async def _read(self, kind: Entity, numbers: Sequence[str]) -> list[Mapping[str, Any]]:
        found = await named(self._client, kind.collection, numbers, **kind.query)
        return await whole(self._client, kind, found)

    async def _ended(self, kind: Entity, gone: Mapping[str, Row], rows: Sequence[Row]) -> list[Row]:
        """What is left of records that events call deleted and nobody can read any more."""
        if not kind.ends:
            return []
        there = as_agreed(lambda: {identifier(row, "id") for row in rows})
        events = [event for number, event in gone.items() if number not in there]
        return await ended(self._client, events) if events else []

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        return _fed(entity).change(entity, self._source, object_of(exact_json.decode(row.raw)))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the record with all that it hangs on."""
        return ENTITIES[entity].retold(raw) if entity in ENTITIES else None

    async def ack(self, refs: Sequence[str]) -> None:
        """Nothing to say: the vendor forgets events by itself."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One record; an account has no companies to choose from. A client's `ref` is the CRM's
        id of it."""
        if entity == "client":
            return await self._clients.get(ref)
        if entity == "resource":
            return await staffing.person(self._client, ref)
        if entity == "workload":
            return await staffing.workload(self._client, ref)
        if entity == accounting.ENTITY and ref.isdecimal():
            return await accounting.standing(self._client, self._service, ref)
        found = await one(self._client, entity, _kind(entity), ref)
        if entity == "budget" and isinstance(found, Done):
            return await budgets.with_changes(self._client, found)
        return found

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A record by our own reference (`key` or `reference`), or by its `ref`."""
        if "ref" in business_key:
            return await self.get(entity, str(business_key["ref"]))
        kind = _kind(entity)
        reference = str(business_key.get("key") or business_key.get("reference") or "")
        if not reference:
            unclear = f"No {entity} can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        ours = references.Reference(self._service, entity, reference)
        try:
            numbers, exchange = await references.subjects(self._client, kind.singular, ours)
        except CallFailed as failure:
            return failure.verdict
        if not numbers:
            text = f"Kantata has no {entity} with our reference {reference}."
            return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=exchange)
        if len(numbers) > 1:
            text = f"{len(numbers)} records have our reference {reference}: {', '.join(numbers)}."
            return Rejected(kind=Kind.DUPLICATE, text=text, exchange=exchange)
        return await self.get(entity, numbers[0])

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """What would certainly be refused: a field that is needed and empty, or a choice that the
        account's custom field does not have, for they must match to the letter."""
        kind = _kind(entity)
        missing = [name for name in kind.required if record.get(name) in (None, "")]
        if missing:
            return Rejected(
                kind=Kind.VALIDATION,
                text=f"A {kind.singular} needs {', '.join(missing)}.",
                fields=tuple(FieldError(name, "is empty") for name in missing),
            )
        if entity == "billing_event":
            return await invoices.objection(self._client, record)
        return await self._fields.objection(record) if entity == "project" else None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Create under our reference, which the vendor writes in the same go. It keeps no key, so
        the caller looks the reference up before sending again."""
        if entity not in _CREATED:
            return not_offered("Kantata", f"upsert of {entity}")
        kind = ENTITIES[entity]
        try:
            if objection := await self.check(entity, record):
                return objection
            known = await self._fields.encoded(record)
            if entity == "billing_event":
                known |= await invoices.beyond(self._client, record)
            if entity == "project":
                known |= await self._clients.belonging(record)
            if entity == "assignment":
                known = dict(await staffing.resource_of(self._client, known))
        except CallFailed as failure:
            return failure.verdict
        fields = kind.encode(known)
        ours = references.Reference(self._service, entity, idempotency_key).fields()
        body = {kind.singular: {**fields, "external_reference": ours}}
        answer = await self._client.write("POST", f"/{kind.collection}", body)
        return written(kind, answer, Outcome.CREATED)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``update``: set fields of a record. ``mark_invoiced``: give an invoice its number, which
        makes it one. ``follow_changes``: set a contract value to what the change orders make of it.
        The same call leaves the same state."""
        offered = [o for o in self.descriptor.operations if o.verb not in ("get", "upsert")]
        if (entity, action) not in [(o.entity, o.verb) for o in offered]:
            return not_offered("Kantata", f"“{action}” on {entity}")
        try:
            if entity == "client":
                return await self._clients.update(ref, record)
            if not (ref.isascii() and ref.isdecimal()):
                return Rejected(kind=Kind.NOT_FOUND, text=f"Kantata has no {entity} “{ref}”.")
            if entity == "assignment":
                return await staffing.change(self._client, ref, record)
            if entity == accounting.ENTITY:
                return await accounting.change(self._client, self._service, ref, record)
            if action == "follow_changes":
                return await budgets.follow(self._client, ref)
        except CallFailed as failure:
            return failure.verdict
        kind = ENTITIES[entity]
        fields = {**record, "draft": False} if action == "mark_invoiced" else dict(record)
        body = {kind.singular: fields}
        answer = await self._client.write("PUT", f"/{kind.collection}/{ref}", body)
        return written(kind, answer, Outcome.UPDATED)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Every record changed in the window. Raises CallFailed."""
        kind = _kind(entity)
        numbers, start, has_more = list[str](), Place(since), True
        while has_more:
            hints = await feed.from_listing(self._client, kind, start, VENDORS_PAGE)
            numbers, start, has_more = [*numbers, *hints.numbers], hints.last, hints.has_more
            has_more = has_more and start.at < until
        rows = await self._read(kind, numbers) if numbers else []
        inside = as_agreed(lambda: [r for r in rows if since <= kind.place(r).at < until])
        return as_agreed(lambda: [kind.key(row) for row in inside])


def _kind(entity: str) -> Entity:
    """How an entity is kept. Raises CallFailed for one that is not offered."""
    if entity not in ENTITIES:
        raise CallFailed(not_offered("Kantata", entity))
    return ENTITIES[entity]


def _fed(entity: str) -> Entity:
    """The same for one with a feed. Raises CallFailed."""
    kind = _kind(entity)
    if not kind.event_type:
        raise CallFailed(not_offered("Kantata", f"feed of {entity}"))
    return kind
