"""The legacy ERP: records go and come as files over SFTP, worked on in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    FieldError,
    Kind,
    Misconfigured,
    Outcome,
    Pending,
    Quota,
    Rejected,
    Verdict,
)
from integrations.answers import not_offered, offered
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
from integrations.legacy_erp import documents, feed
from integrations.legacy_erp.batch import Fields, record_of
from integrations.legacy_erp.history import INBOX, History, Sent, State
from integrations.legacy_erp.master import Master
from integrations.legacy_erp.needs import NEEDS
from integrations.orders import Order, Unfit, date_of
from integrations.shape import Drift

if TYPE_CHECKING:
    from integrations.legacy_erp.client import Session

REMEMBERS = timedelta(days=90)
"""For how long the ERP keeps acknowledgements, and knows the names of files that it had."""
ASK_AGAIN = 900.0
_TITLE = "Legacy ERP"
_CODES = frozenset({"tax_code", "account", "payment_term"})
T = TypeVar("T")


class LegacyConnector:
    """One ERP with all its companies.

    Secrets: `user`, `private_key`, `host_key`. Option `ask_again_seconds` (900): how long a file is
    left alone before its acknowledgement is looked for.
    """

    descriptor = Descriptor(
        name="legacy_erp",
        title=_TITLE,
        domain="ERP",
        api_version="files v1, SFTP",
        feeds={"invoice": ChangeFeed.FILE},
        operations=(
            Operation("customer", "upsert", Effect.KEYED, key_for=REMEMBERS),
            Operation("invoice", "upsert", Effect.KEYED, key_for=REMEMBERS),
            Operation("invoice", "post", Effect.IDEMPOTENT),
        ),
        verification=Verification.SANDBOX,
        auth=Auth.CERTIFICATE,
        concurrency=2,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        # with SSH, 9 MB for each process: for those who have such an ERP
        from integrations.legacy_erp.client import FileServer

        self._source = connection.slug
        self._files = FileServer(connection)
        self._rest = timedelta(
            seconds=float(connection.options.get("ask_again_seconds", ASK_AGAIN))
        )
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        """Nothing is kept open."""

    async def health(self) -> Verdict:
        """Sign in and look whether the inbox is there."""

        async def looked(session: Session) -> Verdict:
            if await session.exists(INBOX):
                return Done(ref="", outcome=Outcome.READ, exchange=session.exchange)
            text = f"There is no folder “{INBOX}” where the files belong."
            return Misconfigured(kind=Kind.CONTRACT, text=text, exchange=session.exchange)

        return await self._verdict(looked)

    def rate_limit(self) -> Quota:
        """A file server tells of none."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Postings and payments of all companies. Raises CallFailed."""
        offered(_TITLE, entity, {"invoice"})
        return await self._data(lambda session: feed.changes(session, self._source, cursor, limit))

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes, at the place where it stood. Raises Drift."""
        place = row.told_as.removeprefix(f"{self._source}:")
        return feed.change(self._source, place, record_of(row.raw))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the whole record."""
        return feed.retold(raw) if entity == "invoice" else None

    async def ack(self, refs: Sequence[str]) -> None:
        """Move files to the archive whose last record we have. Raises CallFailed."""
        if refs:
            await self._data(lambda session: feed.archive(session, refs))

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """A customer by its code, an invoice by our reference: what was accepted last."""
        offered(_TITLE, entity, {"customer", "invoice"})
        return await self._verdict(lambda session: self._shown(session, entity, ref))

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A customer by `code`, an invoice by `reference`, a period by `company` and `date`, or a
        code."""
        offered(_TITLE, entity, {"customer", "invoice", "period", *_CODES})
        if entity in {"customer", "invoice"}:
            member = "code" if entity == "customer" else "reference"
            if member not in business_key:
                unclear = f"The files tell no {entity} by “{', '.join(business_key)}”."
                return Misconfigured(kind=Kind.CONTRACT, text=unclear)
            return await self.get(entity, str(business_key[member] or "").strip())
        return await self._verdict(lambda session: _looked_up(session, entity, business_key))

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Would it be rejected for a code or a closed period? By the last export; reads only."""
        offered(_TITLE, entity, {"customer", "invoice"})
        if entity == "customer":
            return None
        verdict = await self._verdict(lambda session: _checked(session, record))
        return None if isinstance(verdict, Done) else verdict

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Hand a customer or an invoice over as a file; pending until it is acknowledged."""
        offered(_TITLE, entity, {"customer", "invoice"})
        if entity == "customer":
            code, records = str(record.get("code") or ""), documents.customer_records(record)
            async with self._turn(f"customer {code}"):
                return await self._verdict(lambda talk: self._sent(talk, entity, code, records))
        async with self._turn(f"invoice {record.get('reference')}"):
            return await self._verdict(lambda session: self._invoiced(session, record))

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``post``: hand over the order to post an invoice; pending until it is acknowledged."""
        if (entity, action) != ("invoice", "post"):
            return not_offered(_TITLE, f"“{action}” on {entity}")
        async with self._turn(f"invoice {ref}"):
            return await self._verdict(lambda session: self._posted(session, ref, record))

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Posted invoices by our reference. Raises CallFailed."""
        offered(_TITLE, entity, {"invoice"})
        return await self._data(lambda session: feed.keys(session, since, until))

    def _turn(self, name: str) -> asyncio.Lock:
        """Files of one record are numbered: one call after the other."""
        return self._turns.setdefault(name, asyncio.Lock())

    async def _invoiced(self, session: Session, record: Mapping[str, Any]) -> Verdict:
        order = Order.read(record, documents.ARITHMETIC)
        known = await self._shown(session, "invoice", order.reference)
        if isinstance(known, Done) and known.values["state"] == "posted":
            return replace(known, outcome=Outcome.ALREADY_DONE)
        records = documents.invoice_records(order)
        return await self._sent(session, "invoice", order.reference, records)

    async def _posted(self, session: Session, ref: str, record: Mapping[str, Any]) -> Verdict:
        known = await self._shown(session, "invoice", ref)
        if not isinstance(known, Done):
            return known
        if known.values["state"] == "posted":
            return replace(known, outcome=Outcome.ALREADY_DONE)
        history = History(session, "RELEASE", ref)
        records = documents.release_records(ref, date_of(record.get("invoice_date")))
        told = await history.hand_over(await history.files(), records, self._rest)
        return told if isinstance(told, Verdict) else await self._shown(session, "invoice", ref)

    async def _sent(
        self, session: Session, entity: str, key: str, records: Sequence[Fields]
    ) -> Verdict:
        history = History(session, entity.upper(), key)
        told = await history.hand_over(await history.files(), records, self._rest)
        if isinstance(told, Verdict):
            return told
        shown = await self._shown(session, entity, key)
        return replace(shown, outcome=Outcome.UNCHANGED) if isinstance(shown, Done) else shown

    async def _shown(self, session: Session, entity: str, key: str) -> Verdict:
        """What the ERP has accepted last of a record; pending when it has its first yet to see."""
        history = History(session, entity.upper(), key)
        files = await history.files() if key else ()
        last = _accepted(files)
        if last is None or last.answer is None:
            if files and files[-1].state is State.WAITING:
                job = files[-1].name
                return Pending(job=job, after=self._rest, exchange=session.exchange)
            text = f"The ERP has accepted no {entity} “{key}” from us."
            return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=session.exchange)
        records, at = await history.content(last), last.answer.at
        found: Record
        if entity == "customer":
            found = documents.customer(records)
        else:
            release = _accepted(await History(session, "RELEASE", key).files())
            posted = release.answer if release else None
            found, at = documents.invoice(records, last.answer, posted), (posted or last.answer).at
        return Done(
            ref=key,
            outcome=Outcome.READ,
            version=at.isoformat(),
            values=found.as_dict() | ({"code": key} if entity == "customer" else {}),
            exchange=session.exchange,
        )

    async def _verdict(self, operation: Callable[[Session], Awaitable[Verdict]]) -> Verdict:
        try:
            return await self._data(operation)
        except CallFailed as failure:
            return failure.verdict
        except Unfit as unfit:
            return unfit.verdict

    async def _data(self, operation: Callable[[Session], Awaitable[T]]) -> T:
        async with self._files.session() as session:
            try:
                return await operation(session)
            except Drift as drift:
                raise CallFailed(drift.verdict(session.exchange)) from None


async def _looked_up(session: Session, entity: str, key: Mapping[str, Any]) -> Verdict:
    master = await Master.of(session)
    if entity == "period":
        company, on = str(key.get("company") or ""), date.fromisoformat(str(key["date"]))
        state, ref = master.period(company, on), f"{on:%Y-%m}"
        values = {"name": ref, "state": state}
    else:
        ref = str(key.get("code") or "")
        state, values = "known" if master.knows(entity, ref) else "", {"code": ref}
    if not state:
        text = f"The ERP has no {entity} {ref}."
        return Rejected(kind=Kind.NOT_FOUND, text=text, exchange=session.exchange)
    return Done(ref=ref, outcome=Outcome.READ, values=values, exchange=session.exchange)


async def _checked(session: Session, record: Mapping[str, Any]) -> Verdict:
    order = Order.read(record, documents.ARITHMETIC)
    master = await Master.of(session)
    master.accept(order)
    if order.on and master.period(order.company, order.on) != "open":
        words = f"The accounting period of {order.on} is not open in {order.company}."
        fields = (FieldError("invoice_date", words),)
        return Rejected(
            kind=Kind.PERIOD_CLOSED, text=words, fields=fields, exchange=session.exchange
        )
    return Done(ref="", outcome=Outcome.READ, exchange=session.exchange)


def _accepted(files: Sequence[Sent]) -> Sent | None:
    """The last file that the ERP has accepted."""
    return next((sent for sent in reversed(files) if sent.state is State.ACCEPTED), None)
