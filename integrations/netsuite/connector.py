"""NetSuite, one of the firm's cloud ERPs: customers, invoices and credit notes under external ids
of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from controltower.canonical.records import Record
from controltower.canonical.verdicts import Done, Effect, Kind, Outcome, Quota, Rejected, Verdict
from integrations.answers import data_from, not_offered, offered, verdict_from
from integrations.connector import (
    Auth,
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
from integrations.netsuite import credit_notes, customers, feed, invoices, ledger, periods, revenue
from integrations.netsuite.account import Account
from integrations.netsuite.client import SuiteClient
from integrations.netsuite.codes import Codes, Subsidiaries
from integrations.netsuite.needs import NEEDS
from integrations.netsuite.papers import CREDIT_NOTE, INVOICE, PAPERS

SETTLED = 5.0
MOST_LINES = 100
_TITLE = "NetSuite"
_CODES = frozenset({"tax_code", "account", "payment_term"})
_CREDIT = CREDIT_NOTE.entity
_RECORDS = {"customer": "customer", "invoice": INVOICE.record, _CREDIT: CREDIT_NOTE.record}
_WRITTEN = (*_RECORDS, revenue.ENTRY)
_CHECKS = {
    "customer": customers.check,
    "invoice": invoices.check,
    _CREDIT: credit_notes.check,
    revenue.ENTRY: revenue.check,
}
_UPSERTS = {
    "customer": customers.upsert,
    _CREDIT: credit_notes.upsert,
    revenue.ENTRY: revenue.upsert,
}
_ACTIONS = {
    ("customer", "update"): customers.update,
    ("invoice", "post"): invoices.post,
    (_CREDIT, "post"): credit_notes.post,
    (revenue.ENTRY, "post"): revenue.post,
}


class SuiteConnector:
    """One account with all its subsidiaries; a record's `company` is a subsidiary's external id.

    Secrets: `client_id`, `certificate_id`, `private_key`. Options: `settle_seconds` (5, at least
    1), how far the feed stays behind the clock; `most_lines` (100), above which an invoice is
    written as a job; `page_size`.
    """

    descriptor = Descriptor(
        name="netsuite",
        title="NetSuite",
        domain="ERP",
        api_version="REST v1",
        feeds=dict.fromkeys(_RECORDS, ChangeFeed.POLL),
        operations=(
            Operation("customer", "upsert", Effect.KEYED),
            Operation("customer", "update", Effect.IDEMPOTENT),
            Operation("invoice", "upsert", Effect.KEYED),
            Operation("invoice", "post", Effect.IDEMPOTENT),
            Operation(_CREDIT, "upsert", Effect.KEYED),
            Operation(_CREDIT, "post", Effect.IDEMPOTENT),
            Operation(revenue.ENTRY, "upsert", Effect.KEYED),
            Operation(revenue.ENTRY, "post", Effect.IDEMPOTENT),
            Operation(revenue.RECOGNISED, "get", Effect.READ),
        ),
        verification=Verification.SANDBOX,
        auth=Auth.SIGNED_ASSERTION,
        concurrency=4,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        self._source = connection.slug
        self._client = SuiteClient(connection)
        self._account = Account(self._client, Subsidiaries(self._client, connection.base_url))
        seconds = float(options.get("settle_seconds", SETTLED))
        self._settle = timedelta(seconds=max(seconds, 1))
        self._most_lines = int(options.get("most_lines") or MOST_LINES)

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for one currency: reachable, signed in and answering."""

        async def asked() -> Verdict:
            _, exchange = await self._client.rows("SELECT id FROM currency WHERE id = 1")
            return Done(ref="", outcome=Outcome.READ, exchange=exchange)

        return await verdict_from(asked())

    def rate_limit(self) -> Quota:
        """The vendor limits calls at once, and says nothing of it beforehand."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Booked and paid invoices or credit notes, or customers, of all subsidiaries. Raises
        CallFailed."""
        offered(_TITLE, entity, _RECORDS)
        settled = datetime.now(UTC) - self._settle
        return await data_from(
            feed.changes(self._account, entity, self._source, cursor, limit, settled)
        )

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes, and whose legal entity its subsidiary is. Raises Drift, CallFailed."""
        return await feed.reread(self._account, entity, self._source, row)

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """Nothing: whose legal entity a subsidiary is does not stand in an invoice's bytes."""
        return None

    async def ack(self, refs: Sequence[str]) -> None:
        """A poll needs no acknowledgement."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """Read a customer, an invoice, a credit note or a revenue entry by its internal id;
        ``revenue`` is what the ledger shows of a project, by whose id it is asked for."""
        offered(_TITLE, entity, {*_WRITTEN, revenue.RECOGNISED})
        if entity == revenue.RECOGNISED:
            return await verdict_from(ledger.recognised(self._account, ref, company))
        if not _is_id(ref):
            return _absent(entity, ref)
        if entity == revenue.ENTRY:
            return await verdict_from(revenue.get(self._account, ref))
        return await verdict_from(self._account.shown(_RECORDS[entity], ref))

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Look up a customer, what has our reference, a period by date, or a code."""
        offered(_TITLE, entity, {*_WRITTEN, "period", *_CODES})
        return await verdict_from(self._found(entity, business_key))

    async def _found(self, entity: str, key: Mapping[str, Any]) -> Verdict:
        if entity == "customer":
            return await customers.find(self._account, key)
        if entity in _RECORDS:
            return await invoices.find(self._account, key, PAPERS[_RECORDS[entity]])
        if entity == revenue.ENTRY:
            return await revenue.find(self._account, key)
        if entity == "period":
            return await periods.find(self._client, date.fromisoformat(str(key["date"])))
        code, codes = str(key.get("code") or ""), Codes(self._client)
        if entity == "payment_term":
            await codes.payment_term(code)
        else:
            await (codes.items if entity == "account" else codes.taxes)({code})
        codes.settle()
        return Done(ref=code, outcome=Outcome.READ, values={"code": code})

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Would this be refused for what it refers to? Reads only."""
        offered(_TITLE, entity, _CHECKS)
        look = _CHECKS[entity]

        async def looked() -> Verdict:
            return await look(self._account, record) or Done(ref="", outcome=Outcome.READ)

        verdict = await verdict_from(looked())
        return None if isinstance(verdict, Done) else verdict

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Upsert a customer, an invoice, a credit note or a revenue entry under our own external
        id."""
        offered(_TITLE, entity, _WRITTEN)
        if write := _UPSERTS.get(entity):
            return await verdict_from(write(self._account, record))
        return await verdict_from(
            invoices.upsert(self._account, record, idempotency_key, self._most_lines)
        )

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``post``: approve an invoice, which books it; ``update``: what others own of a
        customer."""
        play = _ACTIONS.get((entity, action))
        if play is None:
            return not_offered(_TITLE, f"“{action}” on {entity}")
        if not _is_id(ref):
            return _absent(entity, ref)
        return await verdict_from(play(self._account, ref, record))

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Booked invoices or credit notes (reference, total) or customers (number). Raises
        CallFailed."""
        offered(_TITLE, entity, _RECORDS)
        return await data_from(feed.keys(self._account, entity, since, until))


def _is_id(ref: str) -> bool:
    return ref.isascii() and ref.isdecimal()


def _absent(entity: str, ref: str) -> Rejected:
    return Rejected(kind=Kind.NOT_FOUND, text=f"NetSuite has no {entity} “{ref}”.")
