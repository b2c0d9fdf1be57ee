"""Credit notes: sales credit memos that are applied to the invoice whose work they take back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import Verdict
from integrations import crediting
from integrations.business_central import invoices
from integrations.business_central.client import CentralClient, literal
from integrations.business_central.codes import Company
from integrations.business_central.papers import CREDIT_NOTE, INVOICE, Paper
from integrations.business_central.read_invoice import BOOKED, invoice, state_of
from integrations.business_central.write_invoice import ARITHMETIC
from integrations.orders import Order
from integrations.shape import Row, required


async def upsert(client: CentralClient, company: Company, record: Mapping[str, Any]) -> Verdict:
    """Draft the credit note, unless our reference is already there. Raises Unfit."""
    order, original = await _credited(client, company, record)
    applied = {"invoiceId": required(original, "id")}
    return await invoices.draft(client, company, order, CREDIT_NOTE, applied)


async def check(
    client: CentralClient, company: Company, record: Mapping[str, Any]
) -> Verdict | None:
    """Look up everything a credit note refers to, what it credits included. Raises Unfit."""
    order, _ = await _credited(client, company, record)
    return await invoices.look_up(client, company, order, CREDIT_NOTE)


async def _credited(
    client: CentralClient, company: Company, record: Mapping[str, Any]
) -> tuple[Order, Row]:
    """The credit note, and the booked invoice whose work it takes back. Raises Unfit."""
    order, number = crediting.read(record, ARITHMETIC)
    billed = [
        row
        for row in await _numbered(client, company, INVOICE, "number", number)
        if state_of(row) in BOOKED
    ]
    others = [
        found
        for row in await _numbered(client, company, CREDIT_NOTE, "invoiceNumber", number)
        if (found := invoice(row, company, CREDIT_NOTE)).reference != order.reference
        and found.state != "cancelled"
    ]
    original = invoice(billed[0], company) if billed else None
    crediting.judge(order, number, original, others, company.title)
    return order, billed[0]


async def _numbered(
    client: CentralClient, company: Company, paper: Paper, member: str, number: str
) -> list[Row]:
    """What of these documents carries a number; nothing carries none."""
    if not number:
        return []
    query = {"$filter": f"{member} eq {literal(number)}", **paper.expanded}
    rows, _ = await client.rows(f"{company.path}/{paper.collection}", query)
    return list(rows)
