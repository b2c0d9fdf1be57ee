"""Invoices: upserted under our reference as their external id, waiting for approval; posting one is
approving it, for NetSuite books an invoice when it is approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP
from typing import Any

from controltower.canonical.records import Invoice
from controltower.canonical.verdicts import (
    Done,
    Exchange,
    FieldError,
    Kind,
    Outcome,
    Rejected,
    Verdict,
)
from integrations.connector import CallFailed
from integrations.netsuite import carriers, jobs, periods
from integrations.netsuite.account import Account, eid, path_of
from integrations.netsuite.client import literal, select
from integrations.netsuite.codes import Codes
from integrations.netsuite.papers import INVOICE, Paper
from integrations.netsuite.translate import BOOKED, ORIGIN, done
from integrations.order_lines import Arithmetic
from integrations.orders import Order, date_of
from integrations.shape import required

ARITHMETIC = Arithmetic(
    units={"hour": 5, "day": 5, "unit": 5}, price_decimals=8, rounding=ROUND_HALF_UP
)
PENDING, APPROVED = {"id": "1"}, {"id": "2"}
LINES = "item"


async def find(account: Account, key: Mapping[str, Any], paper: Paper = INVOICE) -> Verdict:
    """By our reference. Voided ones do not count.

    Else an invoice by `facts`, all that the lines' origins end with, or by `fact`, one of them.
    """
    reference = str(key.get("reference") or "").strip()
    ref, exchange = await known(account, reference, paper)
    if ref:
        return await account.shown(paper.record, ref)
    facts = [str(fact) for fact in key.get("facts") or ()]
    single = [str(key["fact"])] if key.get("fact") else []
    carrying = await carriers.of(account.client, facts or single) if facts or single else []
    if not carrying:
        words = f"NetSuite has no {paper.title} with the reference {reference}."
        return Rejected(kind=Kind.NOT_FOUND, text=words, exchange=exchange)
    found = [await account.shown("invoice", ref) for ref in carrying]
    return carriers.judged(found, facts or single, exactly=bool(facts))


async def upsert(
    account: Account, record: Mapping[str, Any], idempotency_key: str, most_lines: int
) -> Verdict:
    """Write the invoice under our reference, to be approved later.

    One that says the same is left alone, a booked one is never touched. With more than `most_lines`
    lines NetSuite works on it as a job: see `jobs`.
    """
    order = Order.read(record, ARITHMETIC)
    async with account.turn(f"invoice {order.reference}"):
        ref, _ = await known(account, order.reference)
        if ref and (settled := await _settled(account, ref, order)):
            return settled
        body = await written(account, order)
        outcome = Outcome.UPDATED if ref else Outcome.CREATED
        place = eid(order.reference)
        if len(order.lines) <= most_lines:
            return await account.write("PUT", "invoice", place, body, outcome, LINES)
        path = path_of("invoice", place, LINES)
        told = await jobs.write(account.client, path, body, idempotency_key)
        if isinstance(told, Verdict):
            return told
        return await account.read_back("invoice", place, outcome, told)


async def check(account: Account, record: Mapping[str, Any]) -> Verdict | None:
    """Look up everything an invoice refers to, its period included. Raises Unfit."""
    return await look_up(account, Order.read(record, ARITHMETIC))


async def look_up(account: Account, order: Order, paper: Paper = INVOICE) -> Verdict | None:
    """Everything that a document refers to, its period included. Raises Unfit."""
    await written(account, order, paper)
    if order.on is None:
        return None
    period = await periods.find(account.client, order.on)
    if isinstance(period, Done) and period.values["state"] == "open":
        return None
    return _period_closed(order.company, order.on, "its books are not open for that day.", period)


async def post(account: Account, ref: str, record: Mapping[str, Any]) -> Verdict:
    """Approve an invoice, dating it `invoice_date` when the record says so. Twice is once."""
    shown = await account.shown("invoice", ref)
    if shown.values["state"] in BOOKED:
        return replace(shown, outcome=Outcome.ALREADY_DONE)
    if shown.values["state"] == "cancelled":
        words = f"Invoice {shown.values['number']} was voided or rejected in NetSuite."
        return Rejected(kind=Kind.CONFLICT, text=words, exchange=shown.exchange)
    on = date_of(record.get("invoice_date"))
    dated = {"tranDate": on.isoformat()} if on else {}
    body = {"approvalStatus": APPROVED, **dated}
    try:
        answer = await account.client.write("PATCH", f"/invoice/{ref}", body)
    except CallFailed as failure:
        refused = failure.verdict
        if isinstance(refused, Rejected) and refused.kind is Kind.PERIOD_CLOSED:
            day = on or shown.values["invoice_date"]
            return _period_closed(str(shown.values["entity"]), day, refused.text, refused)
        return refused
    return await account.read_back("invoice", ref, Outcome.UPDATED, answer.exchange)


async def known(account: Account, reference: str, paper: Paper = INVOICE) -> tuple[str, Exchange]:
    """The id of the document of that reference, "" when there is none."""
    ours = f"externalid = {literal(reference)}"
    query = select("id", "transaction", paper.of_type, ours, paper.living)
    rows, exchange = await account.client.rows(query)
    return required(rows[0], "id") if rows else "", exchange


async def _settled(account: Account, ref: str, order: Order) -> Verdict | None:
    """What there is to say of an invoice that is booked, or says all of the order already."""
    row, shown, exchange = await account.read("invoice", ref)
    assert isinstance(shown, Invoice)
    if shown.state in BOOKED:
        return done(shown, row, Outcome.ALREADY_DONE, exchange)
    return done(shown, row, Outcome.UNCHANGED, exchange) if order.is_said_by(shown) else None


async def written(account: Account, order: Order, paper: Paper = INVOICE) -> dict[str, Any]:
    """A document in the vendor's words. Raises Unfit with everything that is missing."""
    company = await account.subsidiaries.named(order.company)
    codes = Codes(account.client)
    body: dict[str, Any] = {
        "entity": {"id": await codes.customer(order.party_code)},
        "subsidiary": {"id": company.id},
        "currency": {"id": await codes.currency(order.currency)},
        "memo": order.description,
        "otherRefNum": order.comment,
    }
    if paper.is_approved:
        body["approvalStatus"] = PENDING
    if order.on:
        body["tranDate"] = order.on.isoformat()
    if paper.is_approved and order.payment_term:
        body["terms"] = {"id": await codes.payment_term(order.payment_term)}
    items = await codes.items({line.account_code for line in order.lines})
    taxes = await codes.taxes({line.tax_code for line in order.lines})
    codes.settle()
    lines = [
        {
            "item": {"id": items[line.account_code]},
            "description": line.description,
            "quantity": paper.sign * line.quantity,
            "rate": line.unit_price,
            "amount": paper.sign * line.amount,
            "taxCode": {"id": taxes[line.tax_code]},
            ORIGIN: line.origin,
        }
        for line in order.lines
    ]
    return {**body, LINES: {"items": lines}}


def _period_closed(company: str, on: date | None, words: str, refused: Verdict) -> Rejected:
    return Rejected(
        kind=Kind.PERIOD_CLOSED,
        text=f"The accounting period of {on} is closed in {company}. NetSuite: {words}",
        fields=(FieldError("invoice_date", words),),
        exchange=refused.exchange,
    )
