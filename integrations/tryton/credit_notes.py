"""Credit notes: invoices over less than zero, whose lines are linked to those they take back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import FieldError, Kind, Rejected, Verdict
from integrations.orders import Order, Unfit
from integrations.shape import amount
from integrations.tryton import invoices
from integrations.tryton.carriers import literally
from integrations.tryton.client import Talk
from integrations.tryton.codes import ARITHMETIC, Codes, Company, Directory

ENTITY = "credit_note"
LINE = "account.invoice.line"
_FIELDS = [
    "amount", "invoice.number", "invoice.state", "invoice.party.code", "invoice.currency.code",
]  # fmt: skip


async def upsert(talk: Talk, directory: Directory, record: Mapping[str, Any]) -> Verdict:
    """Draft the credit note, unless our reference is already there. Raises Unfit."""
    return await invoices.upsert(
        talk, directory, record, origins=await _credited(talk, directory, record)
    )


async def check(talk: Talk, directory: Directory, record: Mapping[str, Any]) -> Verdict | None:
    """Look up everything that a credit note refers to, what it credits included. Raises Unfit."""
    await _credited(talk, directory, record)
    return await invoices.check(talk, directory, record)


async def _credited(talk: Talk, directory: Directory, record: Mapping[str, Any]) -> list[int]:
    """The invoiced line that each line takes back, of which enough is left. Raises Unfit."""
    order = Order.read(record, ARITHMETIC)
    company = await Codes(talk, directory).company(order.company)
    number = str(record.get("credits") or "").strip()
    found = []
    for line, given in zip(order.lines, record.get("lines") or (), strict=True):
        if line.amount >= 0:
            raise _unfit("lines", f"A credit note takes back; {line.amount} does not.")
        original = await _invoiced(talk, company, number, str(given.get("credits") or ""))
        of = original["invoice."]
        if (of["party."]["code"], of["currency."]["code"]) != (order.party_code, order.currency):
            text = f"Invoice {number} is not of {order.party_code} in {order.currency}."
            raise _unfit("credits", text)
        left = amount(original, "amount") + await _taken_back(talk, company, original, order)
        if left + line.amount < 0:
            text = f"Of that work on invoice {number} only {left} is left to be credited."
            raise _unfit("lines", text)
        found.append(int(original["id"]))
    return found


async def _invoiced(talk: Talk, company: Company, number: str, mark: str) -> dict[str, Any]:
    """The booked line that carries a fact, by what its note ends with."""
    domain = [
        ["invoice.number", "=", number], ["invoice.state", "in", sorted(invoices.BOOKED)],
        ["invoice.type", "=", "out"], ["company", "=", company.id], ["type", "=", "line"],
        ["note", "like", f"%{literally(mark)}"], ["quantity", ">", 0],
    ]  # fmt: skip
    rows = await talk.rows(LINE, domain, _FIELDS, company.id) if number and mark else []
    if len(rows) != 1:
        text = f"No booked invoice {number or '(none)'} of {company.name} carries that work."
        raise _unfit("credits", text, Kind.REFERENCE_MISSING)
    return rows[0]


async def _taken_back(
    talk: Talk, company: Company, original: Mapping[str, Any], order: Order
) -> Decimal:
    """What other credit notes take back of a line already, less than zero."""
    domain = [
        ["origin", "=", f"{LINE},{original['id']}"], ["invoice.state", "!=", "cancelled"],
        ["invoice.reference", "!=", order.reference],
    ]  # fmt: skip
    rows = await talk.rows(LINE, domain, ["amount"], company.id)
    return sum((amount(row, "amount") for row in rows), Decimal(0))


def _unfit(field: str, text: str, kind: Kind = Kind.VALIDATION) -> Unfit:
    return Unfit(Rejected(kind=kind, text=text, fields=(FieldError(field, text),)))
