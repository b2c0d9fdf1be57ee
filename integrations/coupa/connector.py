"""Coupa's door: approved purchases are read and flagged, our own runs are reported back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from controltower.canonical.records import Record
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
from integrations.coupa import purchases, runs, translate
from integrations.coupa.client import CoupaClient
from integrations.coupa.needs import NEEDS
from integrations.coupa.places import Place
from integrations.coupa.runs import NOTES
from integrations.coupa.translate import DOCUMENTS, Document
from integrations.http import Answer
from integrations.shape import Row, object_of, objects

_TITLE = "Coupa"
VENDORS_PAGE = 50
MOST_PER_PAGE = 15
"""Of the feed. Each is flagged by a call of its own afterwards, and all of them must fit into the
vendor's burst of 20."""


class CoupaConnector:
    """One instance. Secrets: `client_id`, `client_secret`. Option `integration` (Control Tower):
    the integration of Coupa's set-up under which our runs are listed."""

    descriptor = Descriptor(
        name="coupa",
        title=_TITLE,
        domain="Spend",
        api_version="Core REST",
        feeds={"purchase": ChangeFeed.FLAG},
        operations=(
            Operation("purchase", "get", Effect.READ),
            *(Operation(entity, "upsert", Effect.PROBED) for entity in NOTES),
            *(
                Operation(note.entity, action, Effect.IDEMPOTENT)
                for note in NOTES.values()
                for action in note.endings
            ),
        ),
        verification=Verification.SANDBOX,
        auth=Auth.CLIENT_CREDENTIALS,
        concurrency=4,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._source = connection.slug
        self._client = CoupaClient(connection)
        self._integration = str(connection.options.get("integration", "Control Tower"))

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for one run of ours: signed in, and almost nothing to answer."""
        answer = await self._client.read(runs.RUN.resource, limit="1")
        if not isinstance(answer, Answer):
            return answer
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """25 calls a second with a burst of 20, of which the answers tell nothing."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Purchases without the exported flag that are approved, or voided, by kind and id. Raises
        CallFailed.

        The flag is the memory, not the cursor: it only keeps what could not be flagged from being
        read twice on the way to the end, from where all begins anew.
        """
        offered(_TITLE, entity, {"purchase"})
        place = Place.read(cursor)
        wanted, items = min(limit, MOST_PER_PAGE), list[Item[Change]]()
        for document in place.remaining():
            after = place.after if document.kind == place.kind else 0
            items += await self._unexported(document, after, wanted - len(items))
            if len(items) >= wanted:
                place = Place.behind(items[-1][0])
                break
        changes, aside = as_agreed(lambda: each(items))
        has_more = len(items) >= wanted
        return ChangePage(
            changes, next_cursor=place.text() if has_more else "", has_more=has_more, aside=aside
        )

    async def _unexported(self, document: Document, after: int, wanted: int) -> list[Item[Change]]:
        """Rows of a kind, none without the id by which the next are asked for. One that cannot be
        read keeps its flag down: the vendor shows it again."""
        read = partial(translate.change, self._source, document)
        answer = await self._answer(
            document.resource,
            **{
                "exported": "false", "status[in]": document.told, "id[gt]": str(after),
                "order_by": "id", "dir": "asc", "offset": "0", "limit": str(wanted),
            },
        )  # fmt: skip
        return as_agreed(
            lambda: [
                (document.source_id(row), {document.kind: row}, partial(read, row))
                for row in _rows(answer)
            ],
            answer.exchange,
        )

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        return translate.reread(self._source, row.raw)

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the whole document."""
        return translate.retold(raw) if entity == "purchase" else None

    async def ack(self, refs: Sequence[str]) -> None:
        """Set the exported flag of each. Raises CallFailed.

        A purchase order that was revised since we read it keeps its flag down: the revision is yet
        to be read, and the flag would hide it.
        """
        gate = asyncio.Semaphore(self.descriptor.concurrency)

        async def one(ref: str) -> None:
            async with gate:
                await self._flag(*ref.split(":")[1:])

        await asyncio.gather(*map(one, refs))

    async def _flag(self, source_id: str, digest: str) -> None:
        kind, _, number = source_id.partition("-")
        document = DOCUMENTS[kind]
        path = f"{document.resource}/{number}"
        if document.revised and await self._says_more(document, path, digest):
            return
        answer = await self._client.write("PUT", path, {"exported": True})
        if not isinstance(answer, Answer):
            raise CallFailed(answer)

    async def _says_more(self, document: Document, path: str, digest: str) -> bool:
        answer = await self._answer(path)
        found = as_agreed(lambda: translate.purchase(document, _row(answer)), answer.exchange)
        return translate.digest(found) != digest

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One purchase ("invoice-12"), or one of our runs or errors by its id."""
        offered(_TITLE, entity, {"purchase", *NOTES})
        kind, _, number = ref.rpartition("-") if entity == "purchase" else ("", "", ref)
        known = kind in DOCUMENTS or entity in NOTES
        if not (known and number.isascii() and number.isdecimal()):
            return Rejected(kind=Kind.NOT_FOUND, text=f"Coupa has no {entity} “{ref}”.")
        note = NOTES.get(entity)
        resource = note.resource if note else DOCUMENTS[kind].resource
        answer = await self._client.read(f"{resource}/{number}")
        if not isinstance(answer, Answer):
            return answer

        def shown() -> Done:
            row = _row(answer)
            return (
                runs.noted(note, row, answer)
                if note
                else purchases.bought(DOCUMENTS[kind], row, answer)
            )

        return as_agreed(shown, answer.exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A run or an error by our `reference`; a purchase by its `ref`."""
        offered(_TITLE, entity, {"purchase", *NOTES})
        if entity == "purchase" and "ref" in business_key:
            return await self.get(entity, str(business_key["ref"]))
        reference = str(business_key.get("reference") or business_key.get("key") or "")
        if entity == "purchase" or not reference:
            unclear = f"No {entity} can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        note = NOTES[entity]
        answer = await self._client.read(note.resource, **{"external-id": reference, "limit": "10"})
        if not isinstance(answer, Answer):
            return answer
        rows = as_agreed(partial(_rows, answer), answer.exchange)
        if not rows:
            text = f"Coupa has no {entity} with our reference {reference}."
            return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=answer.exchange)
        found = as_agreed(lambda: [runs.ref_of(row) for row in rows], answer.exchange)
        if len(found) > 1:
            text = f"{len(found)} records have our reference {reference}: {', '.join(found)}."
            return Rejected(kind=Kind.DUPLICATE, text=text, exchange=answer.exchange)
        return as_agreed(lambda: runs.noted(note, rows[0], answer), answer.exchange)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing speaks against a note that only Coupa itself could know."""
        offered(_TITLE, entity, set(NOTES))
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Begin a run, or report an error, under our reference. Coupa keeps no key, so the caller
        looks the reference up before sending again."""
        if entity not in NOTES:
            return not_offered(_TITLE, f"upsert of {entity}")
        ours = {"external-id": idempotency_key, "integration": {"name": self._integration}}
        answer = await self._client.write("POST", NOTES[entity].resource, ours | dict(record))
        return runs.as_noted(NOTES[entity], answer, Outcome.CREATED)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``succeed`` or ``fail`` a run, ``resolve`` an error: again, it stays as it is."""
        note = NOTES.get(entity)
        if note is None or action not in note.endings:
            return not_offered(_TITLE, f"“{action}” on {entity}")
        if not (ref.isascii() and ref.isdecimal()):
            return Rejected(kind=Kind.NOT_FOUND, text=f"Coupa has no {entity} “{ref}”.")
        path = f"{note.resource}/{ref}/{note.endings[action]}"
        answer = await self._client.write("PUT", path, record)
        return runs.as_noted(note, answer, Outcome.UPDATED)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Purchases of every kind, runs or errors, changed in the window. Raises CallFailed."""
        offered(_TITLE, entity, {"purchase", *NOTES})
        window = {"updated-at[gt_or_eq]": _moment(since), "updated-at[lt]": _moment(until)}
        if entity in NOTES:
            rows = await self._all(NOTES[entity].resource, window)
            return as_agreed(lambda: [runs.key_of(row) for row in rows])
        found = list[Key]()
        for document in DOCUMENTS.values():
            rows = await self._all(document.resource, window)
            found += as_agreed(partial(purchases.keys, document, rows))
        return found

    async def _all(self, resource: str, query: Mapping[str, str]) -> list[Row]:
        """Every row of a query, 50 at a time. Raises CallFailed."""
        found = list[Row]()
        while True:
            answer = await self._answer(
                resource, **query, order_by="id", dir="asc", offset=str(len(found))
            )
            rows = as_agreed(partial(_rows, answer), answer.exchange)
            found += rows
            if len(rows) < VENDORS_PAGE:
                return found

    async def _answer(self, path: str, **query: str) -> Answer:
        answer = await self._client.read(path, **query)
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        return answer


def _rows(answer: Answer) -> Sequence[Row]:
    return objects(exact_json.decode(answer.body))


def _row(answer: Answer) -> Row:
    return object_of(exact_json.decode(answer.body))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
