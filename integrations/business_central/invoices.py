"""Sales documents: drafted under our reference, posted, and read back as the vendor totals them.

The vendor takes no idempotency key and lets two drafts carry one external document number, so the
number is looked up before anything is created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from controltower.canonical.verdicts import (
    Done,
    Exchange,
    FieldError,
    Kind,
    Outcome,
    Rejected,
    Unknown,
    Verdict,
)
from integrations.answers import as_agreed
from integrations.business_central import carriers, periods
from integrations.business_central.client import (
    MOST_IN_A_BATCH,
    CentralClient,
    decoded,
    literal,
)
from integrations.business_central.codes import Company
from integrations.business_central.papers import INVOICE, Paper
from integrations.business_central.read_invoice import BOOKED, done, invoice, state_of
from integrations.business_central.wire import etag_of
from integrations.business_central.write_invoice import ARITHMETIC, written
from integrations.connector import CallFailed
from integrations.orders import Order, date_of
from integrations.shape import Drift, Row, day, listed, required, text


async def find(
    client: CentralClient,
    company: Company,
    key: Mapping[str, Any],
    facts_for: timedelta,
    paper: Paper = INVOICE,
) -> Verdict:
    """By our reference. Cancelled ones do not count.

    Else an invoice by `facts`, all that the lines' origins end with, or by `fact`, one of them: the
    vendor cannot search its lines, so invoices changed within `facts_for` are looked through.
    """
    reference = str(key.get("reference") or "").strip()
    rows, exchange = await _by_reference(client, company, paper, reference)
    facts = [str(fact) for fact in key.get("facts") or ()]
    single = [str(key["fact"])] if key.get("fact") else []
    if not rows and (facts or single):
        rows, exchange = await carriers.of(client, company, facts or single, facts_for)
        if rows and facts:
            return as_agreed(lambda: carriers.judged(rows, facts, company, exchange), exchange)
    if not rows:
        words = f"{company.title} has no {paper.title} with the reference {reference}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=exchange)
    if len(rows) > 1:
        return _twice(rows, company, paper, reference, exchange)
    return _told(rows[0], company, paper, Outcome.READ, exchange)


async def get(
    client: CentralClient, company: Company, number: str, paper: Paper = INVOICE
) -> Verdict:
    """Read one by the vendor's id."""
    row, exchange = await _read(client, company, paper, number)
    return _told(row, company, paper, Outcome.READ, exchange)


async def upsert(client: CentralClient, company: Company, record: Mapping[str, Any]) -> Verdict:
    """Draft an invoice. Raises Unfit."""
    return await draft(client, company, Order.read(record, ARITHMETIC))


async def draft(
    client: CentralClient,
    company: Company,
    order: Order,
    paper: Paper = INVOICE,
    credited: Mapping[str, Any] = MappingProxyType({}),
) -> Verdict:
    """Draft it, unless our reference is already there; `credited` says of which invoice it is.

    A draft of the same content is left alone, another is brought up to date in one batch that all
    happens or none of it; a posted one is never touched.
    """
    known, exchange = await _by_reference(client, company, paper, order.reference)
    if len(known) > 1:
        return _twice(known, company, paper, order.reference, exchange)
    if known and state_of(known[0], paper) in BOOKED:
        return _told(known[0], company, paper, Outcome.ALREADY_DONE, exchange)
    if known and order.is_said_by(invoice(known[0], company, paper)):
        return _told(known[0], company, paper, Outcome.UNCHANGED, exchange)
    header, lines = await written(client, company, order, paper)
    header |= credited
    if known:
        return await _redraft(client, company, paper, known[0], header, lines)
    body = {**header, paper.lines: lines}
    answer = await client.write("POST", f"{company.path}/{paper.collection}", body)
    try:
        made = decoded(answer)
        return done(made, company, Outcome.CREATED, answer.exchange, paper, lines=())
    except Drift as drift:
        return drift.doubt(answer.exchange)


async def check(
    client: CentralClient, company: Company, record: Mapping[str, Any]
) -> Verdict | None:
    """Look up everything an invoice refers to, its period included. Raises Unfit."""
    return await look_up(client, company, Order.read(record, ARITHMETIC))


async def look_up(
    client: CentralClient, company: Company, order: Order, paper: Paper = INVOICE
) -> Verdict | None:
    """Everything that a document refers to, its period included. Raises Unfit."""
    await written(client, company, order, paper)
    if order.on is None:
        return None
    period = await periods.find(client, company, order.on)
    if isinstance(period, Done) and period.values["state"] == "open":
        return None
    return _period_closed(company, order.on, "its books are not open for that day.", None)


async def post(
    client: CentralClient,
    company: Company,
    number: str,
    record: Mapping[str, Any],
    paper: Paper = INVOICE,
) -> Verdict:
    """Post a draft, first dating it `invoice_date` when the record says so. Twice is once."""
    row, exchange = await _read(client, company, paper, number)
    state = as_agreed(lambda: state_of(row, paper), exchange)
    if state in BOOKED:
        return _told(row, company, paper, Outcome.ALREADY_DONE, exchange)
    if state == "cancelled":
        words = f"The {paper.title} {text(row, 'number')} was cancelled in Business Central."
        return Rejected(kind=Kind.CONFLICT, text=words, exchange=exchange)
    wanted = date_of(record.get("invoice_date"))
    path = f"{company.path}/{paper.collection}({number})"
    if wanted and wanted != as_agreed(lambda: day(row, paper.dated), exchange):
        tag = as_agreed(lambda: etag_of(row), exchange)
        await client.write("PATCH", path, {paper.dated: wanted.isoformat()}, tag)
    try:
        await client.write("POST", f"{path}/Microsoft.NAV.post")
    except CallFailed as failure:
        return await _not_posted(client, company, paper, number, failure.verdict, wanted)
    return await _posted(client, company, paper, number)


async def _posted(client: CentralClient, company: Company, paper: Paper, number: str) -> Verdict:
    try:
        row, exchange = await _read(client, company, paper, number)
        return done(row, company, Outcome.UPDATED, exchange, paper)
    except (CallFailed, Drift) as problem:
        seen = problem.verdict.exchange if isinstance(problem, CallFailed) else None
        return Unknown(text="It was posted, but could not be read back.", exchange=seen)


async def _not_posted(
    client: CentralClient,
    company: Company,
    paper: Paper,
    number: str,
    refused: Verdict,
    on: date | None,
) -> Verdict:
    """A refusal because somebody else has posted it meanwhile is none."""
    if not isinstance(refused, Rejected):
        return refused
    row, exchange = await _read(client, company, paper, number)
    if as_agreed(lambda: state_of(row, paper), exchange) in BOOKED:
        return _told(row, company, paper, Outcome.ALREADY_DONE, exchange)
    if refused.kind is Kind.PERIOD_CLOSED:
        dated = on or as_agreed(lambda: day(row, paper.dated), exchange)
        return _period_closed(company, dated, refused.text, refused.exchange)
    return refused


def _period_closed(
    company: Company, on: date | None, words: str, exchange: Exchange | None
) -> Rejected:
    return Rejected(
        kind=Kind.PERIOD_CLOSED,
        text=f"The accounting period of {on} is closed in {company.title}. {words}",
        fields=(FieldError("invoice_date", words),),
        exchange=exchange,
    )


async def _redraft(
    client: CentralClient,
    company: Company,
    paper: Paper,
    known: Row,
    header: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
) -> Verdict:
    """Header and lines anew, all or nothing, and only on the version that was read."""
    number = required(known, "id")
    path = f"{company.path}/{paper.collection}({number})"
    gone = [f"{path}/{paper.lines}({literal(required(line, 'id'))})"
            for line in listed(known, paper.lines)]  # fmt: skip
    changes: list[tuple[str, str, Any, str]] = [("PATCH", path, header, etag_of(known))]
    changes += [("DELETE", line, None, "") for line in gone]
    changes += [("POST", f"{path}/{paper.lines}", line, "") for line in lines]
    if len(changes) > MOST_IN_A_BATCH:
        words = (
            f"The draft {text(known, 'number')} would need {len(changes)} changes, and Business "
            f"Central takes {MOST_IN_A_BATCH} at once. Delete the draft there and send it again."
        )
        return Rejected(kind=Kind.VALIDATION, text=words)
    answer = await client.batch(changes)
    try:
        row, exchange = await _read(client, company, paper, number)
        return done(row, company, Outcome.UPDATED, exchange, paper)
    except (CallFailed, Drift):
        words = "The draft was changed, but could not be read back."
        return Unknown(text=words, exchange=answer.exchange)


async def _read(
    client: CentralClient, company: Company, paper: Paper, number: str
) -> tuple[Row, Exchange]:
    path = f"{company.path}/{paper.collection}({number})"
    return await client.one(f"{path}?$expand={paper.lines}")


async def _by_reference(
    client: CentralClient, company: Company, paper: Paper, reference: str
) -> tuple[list[Row], Exchange]:
    query = {"$filter": f"externalDocumentNumber eq {literal(reference)}", **paper.expanded}
    rows, exchange = await client.rows(f"{company.path}/{paper.collection}", query)

    def living() -> list[Row]:
        return [row for row in rows if state_of(row, paper) != "cancelled"]

    return as_agreed(living, exchange), exchange


def _told(row: Row, company: Company, paper: Paper, outcome: Outcome, exchange: Exchange) -> Done:
    """Raises CallFailed."""
    return as_agreed(lambda: done(row, company, outcome, exchange, paper), exchange)


def _twice(
    rows: Sequence[Row], company: Company, paper: Paper, reference: str, exchange: Exchange
) -> Rejected:
    """Raises Drift."""
    names = ", ".join(f"{text(row, 'number')} ({company.ref(row)})" for row in rows)
    words = (
        f"Business Central has {len(rows)} {paper.title}s with the reference {reference}: {names}."
    )
    return Rejected(kind=Kind.DUPLICATE, text=words, exchange=exchange)
