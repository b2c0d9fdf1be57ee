"""Dynamics 365 Business Central, one of the firm's cloud ERPs: customers, sales invoices and
credit memos."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Outcome,
    Quota,
    Rejected,
    Verdict,
)
from integrations import exact_json
from integrations.answers import data_from, not_offered, offered, verdict_from
from integrations.business_central import (
    credit_notes,
    customers,
    feed,
    invoices,
    ledger,
    periods,
    revenue,
    subscriptions,
)
from integrations.business_central.client import API_VERSION, CentralClient
from integrations.business_central.codes import Codes, Companies, Company
from integrations.business_central.needs import NEEDS
from integrations.business_central.papers import CREDIT_NOTE, PAPERS
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
    Subscription,
    Unread,
    Verification,
)
from integrations.shape import object_of

LONGEST_PROCESSING = timedelta(minutes=10)
"""The service ends a request after this; what we gave up on cannot have an effect later."""
SETTLED = timedelta(seconds=5)
FACTS_FOR = 7
_TITLE = "Business Central"
_CODES = frozenset({"tax_code", "account", "payment_term"})
_CREDIT = CREDIT_NOTE.entity
_ENTITIES = frozenset({"customer", *PAPERS})
_READERS: Mapping[str, Callable[[CentralClient, Company, str], Awaitable[Verdict]]] = {
    "customer": customers.get,
    "invoice": invoices.get,
    _CREDIT: partial(invoices.get, paper=CREDIT_NOTE),
    revenue.ENTRY: revenue.get,
    revenue.RECOGNISED: ledger.recognised,
}
_BY_NUMBER = frozenset({revenue.ENTRY, revenue.RECOGNISED})
"""What is asked for by something else than the vendor's id."""
_WRITERS = {
    "customer": customers.upsert,
    "invoice": invoices.upsert,
    _CREDIT: credit_notes.upsert,
    revenue.ENTRY: revenue.upsert,
}
_CHECKS = {
    "customer": customers.check,
    "invoice": invoices.check,
    _CREDIT: credit_notes.check,
    revenue.ENTRY: revenue.check,
}
_ACTIONS: Mapping[tuple[str, str], Callable[..., Awaitable[Verdict]]] = {
    ("customer", "update"): customers.update,
    ("invoice", "post"): invoices.post,
    (_CREDIT, "post"): partial(invoices.post, paper=CREDIT_NOTE),
    (revenue.ENTRY, "post"): revenue.post,
}


class CentralConnector:
    """One environment with all its companies; a record's `company` is the company's name there.

    Secrets: `client_id`, `client_secret`; `client_state` where changes are subscribed to. Options:
    `environment` ("production"), `tenant`, `sign_in_url`, `page_size`, `settle_seconds` (5: how far
    the feed stays behind the clock), `facts_days` (7: how far back invoices are searched for work
    they carry).
    """

    descriptor = Descriptor(
        name="business_central",
        title="Dynamics 365 Business Central",
        domain="ERP",
        api_version=API_VERSION,
        feeds=dict.fromkeys(("invoice", "customer", _CREDIT), ChangeFeed.POLL),
        operations=(
            Operation("customer", "upsert", Effect.KEYED, LONGEST_PROCESSING),
            Operation("customer", "update", Effect.IDEMPOTENT, LONGEST_PROCESSING),
            Operation("invoice", "upsert", Effect.PROBED, LONGEST_PROCESSING),
            Operation("invoice", "post", Effect.IDEMPOTENT, LONGEST_PROCESSING),
            Operation(_CREDIT, "upsert", Effect.PROBED, LONGEST_PROCESSING),
            Operation(_CREDIT, "post", Effect.IDEMPOTENT, LONGEST_PROCESSING),
            Operation(revenue.ENTRY, "upsert", Effect.PROBED, LONGEST_PROCESSING),
            Operation(revenue.ENTRY, "post", Effect.IDEMPOTENT, LONGEST_PROCESSING),
            Operation(revenue.RECOGNISED, "get", Effect.READ),
        ),
        verification=Verification.CONTRACT,
        auth=Auth.CLIENT_CREDENTIALS,
        concurrency=5,
        told=tuple(subscriptions.COLLECTIONS),
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        self._source = connection.slug
        self._states = connection.secrets.get("client_state", "").split()
        self._client = CentralClient(connection)
        environment = f"{connection.base_url} {options.get('environment', '')}"
        self._companies = Companies(self._client, environment)
        self._settle = timedelta(
            seconds=float(options.get("settle_seconds", SETTLED.total_seconds()))
        )
        self._facts_for = timedelta(days=float(options.get("facts_days", FACTS_FOR)))

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """List the companies: reachable, signed in and answering."""

        async def listed() -> Verdict:
            _, exchange = await self._client.rows("/companies", {})
            return Done(ref="", outcome=Outcome.READ, exchange=exchange)

        return await verdict_from(listed())

    def rate_limit(self) -> Quota:
        """The vendor limits calls a minute, and says nothing of it beforehand."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Posted and paid invoices or credit notes, or customers, of all companies. Raises
        CallFailed."""
        offered(_TITLE, entity, _ENTITIES)
        settled = datetime.now(UTC) - self._settle

        async def page() -> ChangePage:
            known = await self._companies.all()
            return await feed.changes(
                self._client, known, entity, self._source, cursor, limit, settled
            )

        return await data_from(page())

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes, by the company that its id names. Raises Drift, CallFailed."""
        owner = await self._companies.find(row.ref.partition("/")[0])
        said = object_of(exact_json.decode(row.raw))
        return feed.reread(entity, said, owner, self._source) if owner else None

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """Nothing: which company an invoice belongs to does not stand in its bytes."""
        return None

    async def subscriptions(self, address: str) -> Sequence[Subscription]:
        """By entity, over all companies. Raises CallFailed."""
        return await subscriptions.seen(self._client, await self._companies.all(), address)

    async def subscribe(self, address: str, entities: Collection[str]) -> None:
        """In every company, with the newest of our states. Raises CallFailed."""
        companies, state = await self._companies.all(), next(iter(self._states), "")
        await subscriptions.keep(self._client, companies, address, entities, state)

    def greeting(self, query: Mapping[str, str]) -> str:
        """The token that the vendor wants back before it subscribes us."""
        return query.get("validationToken", "")

    def hinted(self, headers: Mapping[str, str], raw: bytes) -> Collection[str]:
        """What notifications name. Raises Forged."""
        return subscriptions.hinted(raw, self._states)

    async def ack(self, refs: Sequence[str]) -> None:
        """A poll needs no acknowledgement."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """Read a customer, an invoice or a credit note by company and id, a revenue entry by
        document number; ``revenue`` is what the ledger shows of a project in a company."""
        offered(_TITLE, entity, _READERS)

        named = entity == revenue.RECOGNISED

        async def found() -> Verdict:
            owner, number = await self._placed(entity, f"{company}/{ref}" if named else ref)
            return await _READERS[entity](self._client, owner, number)

        return await verdict_from(found())

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Look up a customer, what has our reference, a period by date, or a code."""
        offered(_TITLE, entity, {*_WRITERS, "period", *_CODES})
        return await verdict_from(self._found(entity, business_key))

    async def _found(self, entity: str, key: Mapping[str, Any]) -> Verdict:
        owner = await self._companies.named(str(key.get("company") or ""))
        if entity == "customer":
            return await customers.find(self._client, owner, key)
        if paper := PAPERS.get(entity):
            return await invoices.find(self._client, owner, key, self._facts_for, paper)
        if entity == revenue.ENTRY:
            return await revenue.find(self._client, owner, key)
        if entity == "period":
            on = date.fromisoformat(str(key["date"]))
            return await periods.find(self._client, owner, on)
        code, codes = str(key.get("code") or ""), Codes(self._client, owner)
        if entity == "payment_term":
            await codes.payment_term(code)
        elif entity == "account":
            await codes.accounts({code})
        else:
            await codes.taxes({code})
        codes.settle()
        return Done(ref=code, outcome=Outcome.READ, values={"code": code})

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Would this be refused for what it refers to? Reads only."""
        offered(_TITLE, entity, _CHECKS)

        async def looked() -> Verdict:
            owner = await self._companies.named(str(record.get("company") or ""))
            objection = await _CHECKS[entity](self._client, owner, record)
            return objection or Done(ref="", outcome=Outcome.READ)

        verdict = await verdict_from(looked())
        return None if isinstance(verdict, Done) else verdict

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Create or update a customer, or the draft of an invoice, credit note or revenue entry.

        The vendor takes no idempotency key: a customer's number is unique in its company, and our
        reference to a document is looked up first.
        """
        offered(_TITLE, entity, _WRITERS)

        async def written() -> Verdict:
            owner = await self._companies.named(str(record.get("company") or ""))
            return await _WRITERS[entity](self._client, owner, record)

        return await verdict_from(written())

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``post``: book what was drafted; ``update``: what others own of a customer."""
        play = _ACTIONS.get((entity, action))
        if play is None:
            return not_offered(_TITLE, f"“{action}” on {entity}")

        async def played() -> Verdict:
            owner, number = await self._placed(entity, ref)
            return await play(self._client, owner, number, record)

        return await verdict_from(played())

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Booked invoices or credit notes (reference, total) or customers (number). Raises
        CallFailed."""
        offered(_TITLE, entity, _ENTITIES)

        async def listed() -> Sequence[Key]:
            known = await self._companies.all()
            return await feed.keys(self._client, known, entity, since, until)

        return await data_from(listed())

    async def _placed(self, entity: str, ref: str) -> tuple[Company, str]:
        """Company and id of a reference of ours. Raises CallFailed for what is none."""
        code, _, number = ref.partition("/")
        owner = await self._companies.find(code)
        if owner is None or not (_is_id(number) or (number and entity in _BY_NUMBER)):
            words = f"Business Central has no {entity} “{ref}”."
            raise CallFailed(Rejected(kind=Kind.NOT_FOUND, text=words))
        return owner, number


def _is_id(number: str) -> bool:
    return len(number) == 36 and set(number) <= set("0123456789abcdefABCDEF-")
