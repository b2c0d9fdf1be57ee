"""Tryton, the open-source ERP, through its JSON-RPC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, TypeVar

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Outcome,
    Quota,
    Rejected,
    Unknown,
    Verdict,
)
from integrations.answers import not_offered
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
from integrations.orders import Unfit
from integrations.shape import Drift
from integrations.tryton import credit_notes, customers, feed, invoices, periods, revenue
from integrations.tryton.client import Talk, TrytonClient, context
from integrations.tryton.codes import directory_of
from integrations.tryton.needs import NEEDS
from integrations.tryton.refusals import Refusal
from integrations.tryton.sides import INVOICES, PARTIES, Side

LONGEST_PROCESSING = timedelta(seconds=15)
"""Tryton gives up waiting for its database after 2 × 5 s and then works for less than 2 s; no
request that we gave up on can still have an effect after this."""

DESCRIPTOR = Descriptor(
    name="tryton",
    title="Tryton ERP",
    domain="ERP",
    api_version="8.2 JSON-RPC",
    feeds={"invoice": ChangeFeed.POLL, "customer": ChangeFeed.POLL},
    operations=(
        Operation("customer", "upsert", Effect.KEYED, LONGEST_PROCESSING),
        Operation("customer", "update", Effect.IDEMPOTENT, LONGEST_PROCESSING),
        Operation("invoice", "upsert", Effect.PROBED, LONGEST_PROCESSING),
        Operation("invoice", "post", Effect.IDEMPOTENT, LONGEST_PROCESSING),
        Operation("supplier", "upsert", Effect.KEYED, LONGEST_PROCESSING),
        Operation("supplier_invoice", "upsert", Effect.PROBED, LONGEST_PROCESSING),
        Operation("supplier_invoice", "post", Effect.IDEMPOTENT, LONGEST_PROCESSING),
        Operation(credit_notes.ENTITY, "upsert", Effect.PROBED, LONGEST_PROCESSING),
        Operation(credit_notes.ENTITY, "post", Effect.IDEMPOTENT, LONGEST_PROCESSING),
        Operation(revenue.ENTRY, "upsert", Effect.PROBED, LONGEST_PROCESSING),
        Operation(revenue.ENTRY, "post", Effect.IDEMPOTENT, LONGEST_PROCESSING),
        Operation(revenue.RECOGNISED, "get", Effect.READ),
    ),
    verification=Verification.REAL_COUNTERPART,
    auth=Auth.LOGIN,
    concurrency=4,
    needs=NEEDS,
)

_UNREADABLE = Unknown(text="Tryton has done it, but what came of it could not be read back.")
_WRITTEN = (*PARTIES, *INVOICES)
_ACTIONS = {("customer", "update"), *((entity, "post") for entity in (*INVOICES, revenue.ENTRY))}
_OWN: Mapping[str, ModuleType] = {credit_notes.ENTITY: credit_notes, revenue.ENTRY: revenue}
"""What is checked and written in a way of its own."""
_CODES = frozenset({"tax_code", "account", "payment_term"})
T = TypeVar("T")


class TrytonConnector:
    """One Tryton database with all its companies. The record's `company` says which one acts.

    Secrets: `user`, `password`. Options: `database` (default "ctrl"), `settle_seconds`
    (default 15: how far the change feed stays behind the clock).
    """

    descriptor = DESCRIPTOR

    def __init__(self, connection: Connection) -> None:
        self._source = connection.slug
        self._client = TrytonClient(connection)
        self._directory = directory_of(connection)
        seconds = connection.options.get("settle_seconds")
        self._settle = feed.SETTLED if seconds is None else timedelta(seconds=float(seconds))

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for our own preferences: reachable, signed in and answering."""

        async def preferences(talk: Talk) -> Verdict:
            answer = await talk.ask("model.res.user.get_preferences", True, context())
            values = {"company": answer.get("company")}
            return Done(ref=self._source, outcome=Outcome.READ, values=values)

        return await self._verdict(preferences)

    def rate_limit(self) -> Quota:
        """Tryton limits log-ins only, and says nothing of it beforehand."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Posted and paid invoices, or customers with a number. Raises CallFailed."""
        _known(entity, {"invoice", "customer"})
        settled = datetime.now(UTC) - self._settle
        return await self._data(
            lambda talk: feed.changes(talk, entity, self._source, cursor, limit, settled)
        )

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """Its record as it is now: the bytes are without their types. Raises Drift, CallFailed."""
        talk = self._client.talk()
        try:
            return await feed.reread(talk, entity, self._source, row.ref)
        except Refusal as refusal:
            raise CallFailed(talk.told(refusal.verdict())) from None

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """Nothing: the change's bytes are the rows as read, without their types."""
        return None

    async def ack(self, refs: Sequence[str]) -> None:
        """A poll needs no acknowledgement."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """Read a customer, a supplier, an invoice of either or a revenue entry by its Tryton id;
        ``revenue`` is what the ledger shows of a project, by whose id it is asked for."""
        _known(entity, {*_WRITTEN, revenue.ENTRY, revenue.RECOGNISED})
        if entity == revenue.RECOGNISED:
            return await self._verdict(
                lambda talk: revenue.recognised(talk, self._directory, ref, company)
            )
        if not ref.isdecimal():
            return Rejected(kind=Kind.NOT_FOUND, text=f"Tryton has no {entity} “{ref}”.")
        if side := PARTIES.get(entity):
            return await self._verdict(
                lambda talk: customers.get(talk, self._directory, ref, company, side)
            )
        read = revenue.get if entity == revenue.ENTRY else invoices.get
        return await self._verdict(lambda talk: read(talk, ref))

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """Look up a party, an invoice or a revenue entry by reference, a period by date, or a
        code."""
        _known(entity, {*_WRITTEN, revenue.ENTRY, "period", *_CODES})

        async def found(talk: Talk) -> Verdict:
            if entity in _CODES:
                return await periods.find_code(talk, self._directory, entity, business_key)
            if entity == "period":
                return await periods.find_period(talk, self._directory, business_key)
            if entity == revenue.ENTRY:
                return await revenue.find(talk, self._directory, business_key)
            look = customers.find if entity in PARTIES else invoices.find
            return await look(talk, self._directory, business_key, _side(entity))

        return await self._verdict(found)

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Would this party, invoice or entry be refused for what it refers to? Reads only."""
        _known(entity, {*_WRITTEN, revenue.ENTRY})

        async def looked(talk: Talk) -> Verdict:
            if entity in PARTIES:
                objection = await customers.check(talk, self._directory, record)
            elif entity in _OWN:
                objection = await _OWN[entity].check(talk, self._directory, record)
            else:
                objection = await invoices.check(talk, self._directory, record, _side(entity))
            return objection or Done(ref="", outcome=Outcome.READ)

        verdict = await self._verdict(looked)
        return None if isinstance(verdict, Done) else verdict

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Create or update a party, a draft invoice or a draft revenue entry.

        Tryton takes no idempotency key: a party's `code` is unique, and the `reference` of an
        invoice or entry is looked up first.
        """
        _known(entity, {*_WRITTEN, revenue.ENTRY})
        if own := _OWN.get(entity):
            return await self._verdict(lambda talk: own.upsert(talk, self._directory, record))
        write = customers.upsert if entity in PARTIES else invoices.upsert
        return await self._verdict(lambda talk: write(talk, self._directory, record, _side(entity)))

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """Post an invoice of either side, or a revenue entry; update a customer."""
        if (entity, action) not in _ACTIONS:
            return not_offered("Tryton", f"“{action}” on {entity}")
        if not ref.isdecimal():
            return Rejected(kind=Kind.NOT_FOUND, text=f"Tryton has no {entity} “{ref}”.")
        if action == "update":
            return await self._verdict(lambda talk: customers.update(talk, ref, record))
        if entity == revenue.ENTRY:
            return await self._verdict(lambda talk: revenue.post(talk, ref))
        return await self._verdict(lambda talk: invoices.post(talk, ref, record))

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Booked invoices (reference, total) or parties (code). Raises CallFailed."""
        _known(entity, _WRITTEN)
        return await self._data(lambda talk: feed.keys(talk, entity, since, until))

    async def _verdict(self, operation: Callable[[Talk], Awaitable[Verdict]]) -> Verdict:
        """Play one operation; whatever stops it becomes a verdict with its exchange."""
        talk = self._client.talk()
        try:
            return talk.told(await operation(talk))
        except Unfit as unfit:
            return talk.told(unfit.verdict)
        except Refusal as refusal:
            return talk.told(refusal.verdict())
        except Drift as drift:
            return talk.told(_UNREADABLE if talk.effected else drift.verdict())
        except CallFailed as failure:
            return talk.told(_UNREADABLE if talk.effected else failure.verdict)

    async def _data(self, operation: Callable[[Talk], Awaitable[T]]) -> T:
        talk = self._client.talk()
        try:
            return await operation(talk)
        except Refusal as refusal:
            raise CallFailed(talk.told(refusal.verdict())) from None
        except Drift as drift:
            raise CallFailed(talk.told(drift.verdict())) from None


def _side(entity: str) -> Side:
    return (PARTIES | INVOICES)[entity]


def _known(entity: str, offered: Collection[str]) -> None:
    if entity not in offered:
        raise CallFailed(not_offered("Tryton", entity))
