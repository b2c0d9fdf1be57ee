"""Customers, invoices and releases as the files' records, and back. Totals are the ERP's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP
from typing import Any

from controltower.canonical.records import Customer, Invoice, InvoiceLine
from integrations.legacy_erp.batch import Fields, field, number
from integrations.legacy_erp.history import Acknowledged
from integrations.order_lines import Arithmetic
from integrations.orders import Order
from integrations.shape import Drift

ARITHMETIC = Arithmetic(
    units={"hour": 4, "day": 4, "unit": 4}, price_decimals=6, rounding=ROUND_HALF_UP
)
_CUSTOMER = (
    "company", "code", "name", "street", "postal_code", "city", "country", "vat_number", "email",
    "payment_term",
)  # fmt: skip


def customer_records(record: Mapping[str, Any]) -> Sequence[Fields]:
    """A customer's one record."""
    return [("R", "1", *(str(record.get(name) or "") for name in _CUSTOMER))]


def invoice_records(order: Order) -> Sequence[Fields]:
    """An invoice's head and its lines."""
    head = (
        "D", order.reference, order.company, order.party_code, _day(order.on), order.currency,
        order.payment_term, order.description, order.comment,
    )  # fmt: skip
    lines = [
        (
            "R", str(row), line.description, str(line.quantity), line.unit, str(line.unit_price),
            str(line.amount), line.tax_code, line.account_code, line.origin,
        )
        for row, line in enumerate(order.lines, 1)
    ]  # fmt: skip
    return [head, *lines]


def release_records(reference: str, on: date | None) -> Sequence[Fields]:
    """The order to post an invoice, dated anew when a day is given."""
    return [("R", "1", reference, _day(on))]


def customer(records: Sequence[Fields]) -> Customer:
    """A customer as it was accepted. Raises Drift."""
    row = records[0]
    said = {name: field(row, at) for at, name in enumerate(_CUSTOMER, 2)}
    return Customer(
        source_id=said["code"],
        name=said["name"],
        entity=said["company"],
        street=said["street"],
        postal_code=said["postal_code"],
        city=said["city"],
        country=said["country"],
        vat_number=said["vat_number"],
        contact_email=said["email"],
        erp_code=said["code"],
    )


def invoice(
    records: Sequence[Fields], parked: Acknowledged, posted: Acknowledged | None
) -> Invoice:
    """An invoice as it was accepted, with what the ERP has made of it. Raises Drift."""
    head, *lines = records
    made = (posted or parked).document
    return Invoice(
        source_id=field(head, 1),
        name=field(made, 1) or field(head, 1),
        entity=field(head, 2),
        reference=field(head, 1),
        number=field(made, 1),
        customer_code=field(head, 3),
        currency=field(head, 5),
        invoice_date=day_of(field(made, 2)),
        payment_term=field(head, 6),
        description=field(head, 7),
        lines=tuple(map(_line, lines)),
        untaxed=number(made, 3),
        tax=number(made, 4),
        total=number(made, 5),
        state="posted" if posted else "draft",
    )


def day_of(text: str) -> date | None:
    """A day in a file, None when empty. Raises Drift."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Drift("a day is none") from None


def _line(row: Fields) -> InvoiceLine:
    return InvoiceLine(
        description=field(row, 2),
        quantity=number(row, 3),
        unit=field(row, 4),
        unit_price=number(row, 5),
        amount=number(row, 6),
        tax_code=field(row, 7),
        account_code=field(row, 8),
        origin=field(row, 9),
    )


def _day(on: date | None) -> str:
    return on.isoformat() if on else ""
