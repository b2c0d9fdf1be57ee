"""Sales invoices: drafted under our reference, posted, and read back as the vendor totals them.

The vendor takes no idempotency key and lets two drafts carry one external document number, so the
number is looked up before anything is created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP
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
from integrations.business_central.codes import Codes, Company, fitting
from integrations.business_central.read_invoice import BOOKED, LINES, UNITS, done, invoice, state_of
from integrations.business_central.wire import (
    ACCOUNT,
    LONGEST_TEXT,
    comments,
    etag_of,
    overflow,
)
from integrations.connector import CallFailed
from integrations.order_lines import Arithmetic
from integrations.orders import Order, date_of
from integrations.shape import Drift, Row, listed, required, text

ARITHMETIC = Arithmetic(
    units={"hour": 5, "day": 5, "unit": 0}, price_decimals=5, rounding=ROUND_HALF_UP
)
"""The vendor's defaults: quantities and unit prices with five decimals, amounts half up."""
LONGEST_REFERENCE = 35


async def find(
    client: CentralClient, company: Company, key: Mapping[str, Any], facts_for: timedelta
) -> Verdict:
    """By our reference. Cancelled invoices do not count.

    Else by `facts`, all that the lines' origins end with, or by `fact`, one of them: the vendor
    cannot search its lines, so invoices changed within `facts_for` are looked through.
    """
    reference = str(key.get("reference") or "").strip()
    rows, exchange = await _by_reference(client, company, reference)
    facts = [str(fact) for fact in key.get("facts") or ()]
    single = [str(key["fact"])] if key.get("fact") else []
    if not rows and (facts or single):
        rows, exchange = await carriers.of(client, company, facts or single, facts_for)
        if rows and facts:
            return as_agreed(lambda: carriers.judged(rows, facts, company, exchange), exchange)
    if not rows:
        words = f"{company.title} has no invoice with the reference {reference}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=exchange)
    if len(rows) > 1:
        return _twice(rows, company, reference, exchange)
    return as_agreed(lambda: done(rows[0], company, Outcome.READ, exchange), exchange)


async def get(client: CentralClient, company: Company, number: str) -> Verdict:
    """Read one invoice by the vendor's id."""
    row, exchange = await _read(client, company, number)
    return as_agreed(lambda: done(row, company, Outcome.READ, exchange), exchange)


async def upsert(client: CentralClient, company: Company, record: Mapping[str, Any]) -> Verdict:
    """Draft the invoice, unless our reference is already there.

    A draft of the same content is left alone, another is brought up to date in one batch that all
    happens or none of it; a posted invoice is never touched.
    """
    order = Order.read(record, ARITHMETIC)
    known, exchange = await _by_reference(client, company, order.reference)
    if len(known) > 1:
        return _twice(known, company, order.reference, exchange)
    if known and state_of(known[0]) in BOOKED:
        return as_agreed(lambda: done(known[0], company, Outcome.ALREADY_DONE, exchange), exchange)
    if known and order.is_said_by(invoice(known[0], company)):
        return as_agreed(lambda: done(known[0], company, Outcome.UNCHANGED, exchange), exchange)
    header, lines = await _written(client, company, order)
    if known:
        return await _redraft(client, company, known[0], header, lines)
    body = {**header, "salesInvoiceLines": lines}
    answer = await client.write("POST", f"{company.path}/salesInvoices", body)
    try:
        return done(decoded(answer), company, Outcome.CREATED, answer.exchange, lines=())
    except Drift as drift:
        return drift.doubt(answer.exchange)


async def check(
    client: CentralClient, company: Company, record: Mapping[str, Any]
) -> Verdict | None:
    """Look up everything an invoice refers to, its period included. Raises Unfit."""
    order = Order.read(record, ARITHMETIC)
    await _written(client, company, order)
    if order.on is None:
        return None
    period = await periods.find(client, company, order.on)
    if isinstance(period, Done) and period.values["state"] == "open":
        return None
    return _period_closed(company, order.on, "its books are not open for that day.", None)


async def post(
    client: CentralClient, company: Company, number: str, record: Mapping[str, Any]
) -> Verdict:
    """Post a draft, first dating it `invoice_date` when the record says so. Twice is once."""
    row, exchange = await _read(client, company, number)
    state = as_agreed(lambda: state_of(row), exchange)
    if state in BOOKED:
        return as_agreed(lambda: done(row, company, Outcome.ALREADY_DONE, exchange), exchange)
    if state == "cancelled":
        words = f"Invoice {text(row, 'number')} was cancelled in Business Central."
        return Rejected(kind=Kind.CONFLICT, text=words, exchange=exchange)
    wanted = date_of(record.get("invoice_date"))
    path = f"{company.path}/salesInvoices({number})"
    if wanted and wanted != as_agreed(lambda: invoice(row, company).invoice_date, exchange):
        tag = as_agreed(lambda: etag_of(row), exchange)
        await client.write("PATCH", path, {"invoiceDate": wanted.isoformat()}, tag)
    try:
        await client.write("POST", f"{path}/Microsoft.NAV.post")
    except CallFailed as failure:
        return await _not_posted(client, company, number, failure.verdict, wanted)
    return await _posted(client, company, number)


async def _posted(client: CentralClient, company: Company, number: str) -> Verdict:
    try:
        row, exchange = await _read(client, company, number)
        return done(row, company, Outcome.UPDATED, exchange)
    except (CallFailed, Drift) as problem:
        seen = problem.verdict.exchange if isinstance(problem, CallFailed) else None
        return Unknown(text="It was posted, but could not be read back.", exchange=seen)


async def _not_posted(
    client: CentralClient, company: Company, number: str, refused: Verdict, on: date | None
) -> Verdict:
    """A refusal because somebody else has posted it meanwhile is none."""
    if not isinstance(refused, Rejected):
        return refused
    row, exchange = await _read(client, company, number)
    if as_agreed(lambda: state_of(row), exchange) in BOOKED:
        return as_agreed(lambda: done(row, company, Outcome.ALREADY_DONE, exchange), exchange)
    if refused.kind is Kind.PERIOD_CLOSED:
        dated = on or as_agreed(lambda: invoice(row, company).invoice_date, exchange)
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
    known: Row,
    header: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
) -> Verdict:
    """Header and lines anew, all or nothing, and only on the version that was read."""
    number = required(known, "id")
    path = f"{company.path}/salesInvoices({number})"
    gone = [f"{path}/salesInvoiceLines({literal(required(line, 'id'))})"
            for line in listed(known, "salesInvoiceLines")]  # fmt: skip
    changes: list[tuple[str, str, Any, str]] = [("PATCH", path, header, etag_of(known))]
    changes += [("DELETE", line, None, "") for line in gone]
    changes += [("POST", f"{path}/salesInvoiceLines", line, "") for line in lines]
    if len(changes) > MOST_IN_A_BATCH:
        words = (
            f"The draft {text(known, 'number')} would need {len(changes)} changes, and Business "
            f"Central takes {MOST_IN_A_BATCH} at once. Delete the draft there and send it again."
        )
        return Rejected(kind=Kind.VALIDATION, text=words)
    answer = await client.batch(changes)
    try:
        row, exchange = await _read(client, company, number)
        return done(row, company, Outcome.UPDATED, exchange)
    except (CallFailed, Drift):
        words = "The draft was changed, but could not be read back."
        return Unknown(text=words, exchange=answer.exchange)


async def _written(
    client: CentralClient, company: Company, order: Order
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and lines in the vendor's words. Raises Unfit with everything that is missing."""
    codes = Codes(client, company)
    header: dict[str, Any] = {
        "externalDocumentNumber": fitting(
            order.reference, LONGEST_REFERENCE, "reference", "The reference"
        ),
        "customerPurchaseOrderReference": fitting(
            order.comment, LONGEST_REFERENCE, "comment", "The purchase order"
        ),
        "customerId": await codes.customer(order.party_code),
        "currencyCode": order.currency,
    }
    if order.on:
        header["invoiceDate"] = order.on.isoformat()
    if order.payment_term:
        header["paymentTermsId"] = await codes.payment_term(order.payment_term)
    accounts = await codes.accounts({line.account_code for line in order.lines})
    await codes.taxes({line.tax_code for line in order.lines})
    codes.settle()
    lines: list[dict[str, Any]] = comments(order.description)
    for line in order.lines:
        booked = {
            "lineType": ACCOUNT,
            "accountId": accounts[line.account_code],
            "description": line.description[:LONGEST_TEXT],
            "quantity": line.quantity,
            "unitPrice": line.unit_price,
            "taxCode": line.tax_code,
            "unitOfMeasure": {"code": UNITS.get(line.unit, line.unit)},
        }
        origin = fitting(line.origin, LONGEST_TEXT, "origin", "The line's origin")
        lines += [booked, *overflow(line.description), *comments(origin)]
    return header, lines


async def _read(client: CentralClient, company: Company, number: str) -> tuple[Row, Exchange]:
    return await client.one(f"{company.path}/salesInvoices({number})?$expand=salesInvoiceLines")


async def _by_reference(
    client: CentralClient, company: Company, reference: str
) -> tuple[list[Row], Exchange]:
    query = {"$filter": f"externalDocumentNumber eq {literal(reference)}", **LINES}
    rows, exchange = await client.rows(f"{company.path}/salesInvoices", query)
    living = as_agreed(lambda: [row for row in rows if state_of(row) != "cancelled"], exchange)
    return living, exchange


def _twice(rows: Sequence[Row], company: Company, reference: str, exchange: Exchange) -> Rejected:
    """Raises Drift."""
    names = ", ".join(f"{text(row, 'number')} ({company.ref(row)})" for row in rows)
    words = f"Business Central has {len(rows)} invoices with the reference {reference}: {names}."
    return Rejected(kind=Kind.DUPLICATE, text=words, exchange=exchange)
