"""Credit notes: credit memos upserted under our reference as their external id, applied to the
invoice whose work they take back. The vendor books them at once: posting one only looks at it.

An invoice can also be transformed into a credit memo, but not under an external id: that could not
be sent again without making a second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.records import Invoice
from controltower.canonical.verdicts import FieldError, Kind, Outcome, Rejected, Verdict
from integrations import crediting
from integrations.netsuite import carriers, invoices
from integrations.netsuite.account import Account, eid
from integrations.netsuite.client import literal, select
from integrations.netsuite.papers import CREDIT_NOTE, INVOICE
from integrations.netsuite.translate import done
from integrations.orders import Order
from integrations.shape import required


async def upsert(account: Account, record: Mapping[str, Any]) -> Verdict:
    """Book the credit note under our reference. One that is there already is never touched: it is
    done, or in conflict when it says something else. Raises Unfit."""
    order, number = crediting.read(record, invoices.ARITHMETIC)
    async with account.turn(f"credit of {number}"):
        ref, _ = await invoices.known(account, order.reference, CREDIT_NOTE)
        if ref:
            return await _there(account, ref, order)
        original = await _judged(account, order, number)
        body = await invoices.written(account, order, CREDIT_NOTE)
        if original.state == "posted":
            body["apply"] = {"items": [{"doc": {"id": original.source_id}, "apply": True}]}
        place = eid(order.reference)
        return await account.write(
            "PUT", CREDIT_NOTE.record, place, body, Outcome.CREATED, invoices.LINES
        )


async def check(account: Account, record: Mapping[str, Any]) -> Verdict | None:
    """Look up everything a credit note refers to, what it credits included. Raises Unfit."""
    order, number = crediting.read(record, invoices.ARITHMETIC)
    await _judged(account, order, number)
    return await invoices.look_up(account, order, CREDIT_NOTE)


async def post(account: Account, ref: str, record: Mapping[str, Any]) -> Verdict:
    """Nothing is left to be done of what is booked already."""
    return await account.shown(CREDIT_NOTE.record, ref, Outcome.ALREADY_DONE)


async def _there(account: Account, ref: str, order: Order) -> Verdict:
    row, shown, exchange = await account.read(CREDIT_NOTE.record, ref)
    assert isinstance(shown, Invoice)
    if order.is_said_by(shown):
        return done(shown, row, Outcome.UNCHANGED, exchange)
    words = (
        f"Credit note {shown.number} of the reference {order.reference} is booked in NetSuite and "
        "says something else. Void it there, and replay this."
    )
    fields = (FieldError("reference", words),)
    return Rejected(kind=Kind.CONFLICT, text=words, fields=fields, exchange=exchange)


async def _judged(account: Account, order: Order, number: str) -> Invoice:
    """The booked invoice that is credited, of whose work enough is left. Raises Unfit."""
    query = select("id", "transaction", INVOICE.booked, f"tranid = {literal(number)}")
    rows, _ = await account.client.rows(query) if number else ((), None)
    original = await _read(account, INVOICE.record, required(rows[0], "id")) if rows else None
    marks = [mark for line in order.lines if (mark := crediting.mark_of(line))]
    taking = await carriers.of(account.client, marks, CREDIT_NOTE)
    others = [await _read(account, CREDIT_NOTE.record, ref) for ref in taking]
    company = await account.subsidiaries.named(order.company)
    known = [one for one in others if one.reference != order.reference]
    return crediting.judge(order, number, original, known, f"{company.title} (NetSuite)")


async def _read(account: Account, kind: str, ref: str) -> Invoice:
    _, shown, _ = await account.read(kind, ref)
    assert isinstance(shown, Invoice)
    return shown
