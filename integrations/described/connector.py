"""The door of a system that a person has described: what it offers is what the description says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

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
    ChangePage,
    Connection,
    Forged,
    Key,
    Unread,
)
from integrations.described import forms, messages, moments, reading, rows
from integrations.described.client import DescribedClient, content_at, filled
from integrations.described.declared import declared
from integrations.described.description import (
    Finding,
    Listing,
    Resource,
    Writing,
    meant,
)
from integrations.http import Answer
from integrations.places import Place, following, page_of
from integrations.shape import Drift, Row, at, object_of


class DescribedConnector:
    """One described system. Its secrets are those that the description names; its one option is
    `description`, a document that `faults.read` has found none in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._said = meant(connection.options.get("description", {}))
        self._client = DescribedClient(connection, self._said)
        self.descriptor = declared(self._said)

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask the path that is named for it."""
        if not self._said.health:
            return not_offered(self._said.title, "health")
        try:
            answer = await self._client.read(self._said.health)
        except CallFailed as failure:
            return failure.verdict
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """Nothing is known of its limits but what was described."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Records changed after `cursor`, oldest first. Raises CallFailed."""
        resource, listing = self._listed(entity)
        now = datetime.now(UTC)
        known = Place.read(cursor)
        start = known or Place(now - timedelta(days=listing.lookback_days))
        found = await self._since(resource, listing, start, limit)
        places, has_more = page_of(list(found), start, limit)
        last = following(
            places[-1] if places else start,
            has_more,
            now - timedelta(seconds=listing.settle_seconds),
        )
        changes, aside = as_agreed(
            lambda: each(
                (place.ref, found[place], partial(self._change, resource, found[place]))
                for place in places
            )
        )
        return ChangePage(
            changes=changes,
            aside=aside,
            next_cursor=last.text(),
            has_more=has_more,
            gap=bool(cursor) and known is None,
        )

    async def _since(
        self, resource: Resource, listing: Listing, start: Place, limit: int
    ) -> dict[Place, Row]:
        """The rows from a place on; a sorted list is left once there are enough."""
        found: dict[Place, Row] = {}
        query = {listing.since: _written(listing, start)} if listing.since else {}
        async for page in self._client.pages(listing, query):
            found |= rows.placed(resource, page)
            if listing.sorted and sum(place > start for place in found) > limit:
                break
        return found

    def _change(self, resource: Resource, row: Row) -> Change | None:
        """The event of a row, None when the event is not meant for it. Raises Drift."""
        event = resource.event
        assert event is not None
        if event.when and at(row, event.when) not in event.values:
            return None
        told = reading.Told(resource.entity, event.type, rows.changed(resource, row))
        return reading.change(self._connection.slug, rows.read(resource, row), row, told)

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        resource, _listing = self._listed(entity)
        return self._change(resource, object_of(exact_json.decode(row.raw)))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the whole record."""
        resource = self._said.resource(entity)
        return rows.read(resource, object_of(exact_json.decode(raw))) if resource else None

    def verify_inbound(
        self, headers: Mapping[str, str], raw: bytes, now: datetime
    ) -> Sequence[Change]:
        """What a signed message says. Raises Forged, Drift."""
        hook = self._said.webhook
        if hook is None:
            raise Forged("Nobody has described how this system signs.")
        keys = self._connection.secrets.get("webhook", "").split()
        messages.check(hook, keys, headers, raw, now)
        found = messages.told(hook, raw)
        resource = self._said.resource(found[0]) if found else None
        change = self._change(resource, found[1]) if found and resource else None
        return [change] if change else []

    async def ack(self, refs: Sequence[str]) -> None:
        """Nothing to say: reading leaves the source as it is."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One record, read by the description's rules."""
        resource = self._resource(entity)
        if not resource.read:
            return not_offered(self._said.title, f"reading of one {entity}")
        if not ref or ref in {".", ".."}:
            return Rejected(kind=Kind.NOT_FOUND, text=f"There is no {entity} “{ref}”.")
        answer = await self._client.read(filled(resource.read, id=ref))
        return as_agreed(lambda: rows.done(resource, answer), answer.exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """By our reference, where the list can be asked for it. What the list gives beyond it is
        left out."""
        resource = self._resource(entity)
        find = resource.find
        if find is None:
            return not_offered(self._said.title, f"looking up of {entity}")
        wanted = str(business_key.get(find.by) or "")
        if not wanted:
            text = f"{entity} is looked up by “{find.by}”, which the process does not give."
            return Misconfigured(kind=Kind.CONTRACT, text=text)
        try:
            return await self._found(resource, find, wanted)
        except CallFailed as failure:
            return failure.verdict

    async def _found(self, resource: Resource, find: Finding, wanted: str) -> Verdict:
        shown: list[Row] = []
        async for page in self._client.pages(
            Listing(find.path, find.items), {find.parameter: wanted}
        ):
            shown += page
        refs = as_agreed(
            lambda: [rows.id_of(resource, row) for row in shown if rows.shows(row, find, wanted)]
        )
        if not refs:
            text = f"{self._said.title} has no {resource.entity} of this reference."
            return Rejected(kind=Kind.NOT_FOUND, text=text)
        if len(refs) > 1:
            text = f"{len(refs)} records have this reference: {', '.join(refs)}."
            return Rejected(kind=Kind.DUPLICATE, text=text)
        return await self.get(resource.entity, refs[0])

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing speaks against sending that only the system itself could know."""
        self._resource(entity)
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Create a record under our key, where the system takes one."""
        write = self._write(entity, "upsert")
        if write is None:
            return not_offered(self._said.title, f"upsert of {entity}")
        answer = await self._sent(write, record, idempotency_key, "")
        if not isinstance(answer, Answer):
            return answer
        resource = self._resource(entity)
        try:
            row = object_of(content_at(answer, resource.record_at))
            ref, values = rows.id_of(resource, row), rows.read(resource, row).as_dict()
        except Drift as drift:
            return drift.doubt(answer.exchange)
        made = Outcome.CREATED if answer.status == 201 else Outcome.UPDATED
        return Done(ref=ref, outcome=made, values=values, exchange=answer.exchange)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """A described write on an existing record."""
        write = self._write(entity, action)
        if write is None or action == "upsert":
            return not_offered(self._said.title, f"“{action}” on {entity}")
        answer = await self._sent(write, record, idempotency_key, ref)
        if not isinstance(answer, Answer):
            return answer
        return Done(ref=ref, outcome=Outcome.UPDATED, exchange=answer.exchange)

    async def _sent(
        self, write: Writing, record: Mapping[str, Any], key: str, ref: str
    ) -> Answer | Verdict:
        headers = {write.key_header: key} if write.key_header else {}
        try:
            formed = forms.written(write.fields, record)
        except forms.Unwritable as problem:
            return Rejected(kind=Kind.VALIDATION, text=str(problem))
        named = {write.key_field: key, write.id_field: ref}
        fields = reading.nested(formed | {name: text for name, text in named.items() if name})
        path = filled(write.path, id=ref, key=key)
        return await self._client.write(write.method, path, fields, headers)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Records changed in the window, with their amounts. Raises CallFailed."""
        resource, listing = self._listed(entity)
        found: dict[Place, Row] = {}
        query = {listing.since: _written(listing, Place(since))} if listing.since else {}
        async for page in self._client.pages(listing, query):
            found |= rows.placed(resource, page)
        wanted = [(place, row) for place, row in found.items() if since <= place.at < until]
        return as_agreed(
            lambda: [rows.key_of(rows.read(resource, row), place) for place, row in wanted]
        )

    def _resource(self, entity: str) -> Resource:
        found = self._said.resource(entity)
        if found is None:
            raise CallFailed(not_offered(self._said.title, entity))
        return found

    def _listed(self, entity: str) -> tuple[Resource, Listing]:
        resource = self._resource(entity)
        if resource.list is None:
            raise CallFailed(not_offered(self._said.title, f"list of {entity}"))
        return resource, resource.list

    def _write(self, entity: str, verb: str) -> Writing | None:
        resource = self._said.resource(entity)
        return resource.write(verb) if resource else None


def _written(listing: Listing, start: Place) -> str:
    return moments.written(start.at, listing.since_format)
