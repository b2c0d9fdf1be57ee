"""Customers, invoices and credit notes as NetSuite shows them, in canonical words. Totals are the
ERP's own."""

from __future__ import annotations

from datetime import datetime

from controltower.canonical.records import Customer, Invoice, InvoiceLine
from controltower.canonical.verdicts import Done, Exchange, Outcome
from integrations.netsuite.papers import INVOICE, Paper
from integrations.shape import Row, amount, at, choice, day, listed, moment, required, text

ORIGIN = "custcol_ct_origin"
"""The account's own column on a line: where its amount comes from."""
STATES = {"A": "posted", "B": "paid", "D": "draft", "E": "cancelled", "V": "cancelled"}
BOOKED = frozenset({"posted", "paid"})
_ELSEWHERE = {"contact_name", "payment_term", "credit_hold"}
"""What a customer's own record does not say, or not in our words."""
_NOWHERE: Row = dict.fromkeys(("addr1", "city", "zip", "country"))


def changed_at(row: Row) -> datetime:
    """When a record was last changed, UTC. Raises Drift."""
    return moment(row, "lastModifiedDate")


def version_of(changed: datetime) -> str:
    """Orders what was said of one record."""
    return changed.isoformat(timespec="seconds")


def state_of(row: Row) -> str:
    """An invoice's state in our words. Raises Drift."""
    return choice(row, "status.id", STATES)


def customer(row: Row, entity: str) -> Customer:
    """Raises Drift."""
    book = listed(row, "addressBook.items")
    address = at(book[0], "addressBookAddress") if book else _NOWHERE
    return Customer(
        source_id=required(row, "id"),
        name=text(row, "companyName"),
        entity=entity,
        street=text(address, "addr1"),
        city=text(address, "city"),
        postal_code=text(address, "zip"),
        country=text(address, "country.id"),
        vat_number=text(row, "vatRegNumber"),
        contact_email=text(row, "email"),
        erp_code=required(row, "entityId"),
    )


def invoice(row: Row, entity: str, paper: Paper = INVOICE) -> Invoice:
    """One of less than zero for a credit memo. Raises Drift."""
    code, _, name = required(row, "entity.refName").partition(" ")
    return Invoice(
        source_id=required(row, "id"),
        name=text(row, "tranId") or text(row, "externalId"),
        entity=entity,
        reference=text(row, "externalId"),
        number=text(row, "tranId"),
        customer_code=code,
        customer_name=name,
        currency=required(row, "currency.refName"),
        invoice_date=day(row, "tranDate"),
        description=text(row, "memo"),
        lines=tuple(_line(line, paper.sign) for line in listed(row, "item.items")),
        untaxed=paper.sign * amount(row, "subtotal"),
        tax=paper.sign * amount(row, "taxTotal"),
        total=paper.sign * amount(row, "total"),
        state=state_of(row),
    )


def done(record: Customer | Invoice, row: Row, outcome: Outcome, exchange: Exchange) -> Done:
    """What the account has of the record. Raises Drift."""
    values = record.as_dict()
    if isinstance(record, Customer):
        kept = {name: value for name, value in values.items() if name not in _ELSEWHERE}
        values = kept | {"code": record.erp_code}
    return Done(
        ref=record.source_id,
        outcome=outcome,
        version=version_of(changed_at(row)),
        values=values,
        exchange=exchange,
    )


def _line(row: Row, sign: int) -> InvoiceLine:
    return InvoiceLine(
        description=text(row, "description"),
        quantity=sign * amount(row, "quantity"),
        unit="",
        unit_price=amount(row, "rate"),
        amount=sign * amount(row, "amount"),
        tax_code=text(row, "taxCode.refName"),
        account_code=text(row, "item.refName"),
        origin=text(row, ORIGIN),
    )
