"""The pretend instance's suppliers and documents, and how they look on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.sandbox.days import today
from integrations.sandbox.firm import PEOPLE
from integrations.sandbox.store import Document

CURRENCY_OF = {"LF-DE": "EUR", "LF-UK": "GBP", "LF-US": "USD"}


@dataclass(frozen=True)
class Supplier:
    """Somebody the firm buys from. `rate` is what their invoices to that company carry as tax."""

    number: str
    name: str
    country: str
    entity: str
    account: str
    tax_code: str
    rate: Decimal


_SELLERS = """
S-1001 | Nordlicht Reisen GmbH | DE | LF-DE | 6020 | V19 | 0.19
S-1002 | Kranich Freelance Kollektiv | DE | LF-DE | 6010 | V19 | 0.19
S-2001 | Heron & Daughters Travel Ltd | GB | LF-UK | 6020 | V20 | 0.20
S-2002 | Ironbridge Contractors Ltd | GB | LF-UK | 6010 | V20 | 0.20
S-3001 | Blue Heron Air Travel Inc. | US | LF-US | 6020 | V0 | 0
S-3002 | Longmeadow Staffing LLC | US | LF-US | 6010 | V0 | 0
"""


def _suppliers(rows: str) -> Iterator[Supplier]:
    for row in rows.strip().splitlines():
        number, name, country, entity, account, tax_code, rate = map(str.strip, row.split("|"))
        yield Supplier(number, name, country, entity, account, tax_code, Decimal(rate))


ANYBODY = {supplier.number: supplier for supplier in _suppliers(_SELLERS)}


def supplier_of(wanted: Mapping[str, Any]) -> Supplier:
    """The supplier by number, else the first one of the company. Raises KeyError."""
    entity = str(wanted.get("entity", "LF-DE"))
    if "supplier" in wanted:
        return ANYBODY[str(wanted["supplier"])]
    return next(one for one in ANYBODY.values() if one.entity == entity)


def invoice(number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """An approved supplier invoice; `wanted` may say project, entity, amount, account and more."""
    supplier = supplier_of(wanted)
    net = Decimal(str(wanted.get("amount", "480.00")))
    tax = Decimal(str(wanted.get("tax", (net * supplier.rate).quantize(Decimal("0.01")))))
    line = _line(wanted, supplier) | {"id": number * 10, "line-num": "1", "total": str(net)}
    return {
        "invoice-number": str(wanted.get("number", f"{supplier.number}/{number:05d}")),
        "invoice-date": f"{wanted.get('on') or today(supplier.entity)}T00:00:00+00:00",
        "status": str(wanted.get("status", "approved")),
        "exported": False,
        "currency": {"code": _currency(wanted, supplier)},
        "supplier": _shown(supplier),
        "tax-amount": str(tax),
        "gross-total": str(net + tax),
        "invoice-lines": [line],
    }


def order(number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """An issued purchase order."""
    supplier = supplier_of(wanted)
    net = str(wanted.get("amount", "480.00"))
    line = _line(wanted, supplier) | {"id": number * 10, "line-num": "1", "total": net}
    return {
        "po-number": str(wanted.get("number", f"{4700000 + number}")),
        "status": str(wanted.get("status", "issued")),
        "exported": False,
        "version": 1,
        "currency": {"code": _currency(wanted, supplier)},
        "supplier": _shown(supplier),
        "tax-amount": "0.00",
        "order-lines": [line],
    }


def report(number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """An expense report that is approved for payment."""
    entity = str(wanted.get("entity", "LF-DE"))
    position, person = next(
        (n, one) for n, one in enumerate(PEOPLE, start=1) if one.entity == entity
    )
    supplier = supplier_of({"entity": entity})
    line = _line({"account": "6030", **wanted}, supplier)
    line |= {"id": number * 10, "amount": str(wanted.get("amount", "120.00")), "tax-code": "V0"}
    return {
        "title": str(wanted.get("number", f"ER-{number:05d}")),
        "submitted-at": f"{wanted.get('on') or today(entity)}T09:00:00+00:00",
        "status": str(wanted.get("status", "approved_for_payment")),
        "exported": False,
        "currency": {"code": _currency(wanted, supplier)},
        "expensed-by": {
            "employee-number": f"LF-{position:04d}",
            "fullname": person.name,
            "email": person.email,
        },
        "tax-amount": "0.00",
        "expense-lines": [line],
    }


def shown(document: Document) -> dict[str, Any]:
    """A document as the API gives it."""
    stamps = {"created-at": stamp(document.created), "updated-at": stamp(document.changed)}
    return {"id": int(document.id), **stamps, **document.content}


def stamp(moment: datetime) -> str:
    """A time as it is written on the wire."""
    return moment.isoformat(timespec="microseconds")


def _line(wanted: Mapping[str, Any], supplier: Supplier) -> dict[str, Any]:
    return {
        "description": str(wanted.get("text", "As ordered")),
        "account": {
            "code": str(wanted.get("account", supplier.account)),
            "account-type": {"name": str(wanted.get("entity", supplier.entity))},
        },
        "tax-code": str(wanted.get("tax_code", supplier.tax_code)),
        "po-number": wanted.get("order"),
        "custom-fields": {
            "project": wanted.get("project"),
            "re-billable": wanted.get("billable") in (True, "true"),
        },
    }


def _currency(wanted: Mapping[str, Any], supplier: Supplier) -> str:
    return str(wanted.get("currency", CURRENCY_OF[supplier.entity]))


def _shown(supplier: Supplier) -> dict[str, Any]:
    country = {"code": supplier.country}
    return {
        "number": supplier.number,
        "name": supplier.name,
        "primary-address": {"country": country},
    }
