"""How the pretend environment's records look on the wire."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from integrations.sandbox.business_central.books import Books, net, stamp, tax_percent, totals
from integrations.sandbox.store import Document

_ADDRESS = {"street": "", "city": "", "state": "", "countryLetterCode": "", "postalCode": ""}
_HIDDEN = {"company", "lines", "currency"}
_UNIT = {"symbol": None}


def etag(document: Document) -> str:
    """The version of an entity."""
    mark = base64.b64encode(f"{document.id};{document.version}".encode()).decode()
    return f'W/"{mark}"'


def shown(books: Books, document: Document, expand: bool = False) -> dict[str, Any]:
    """An entity; an invoice with its lines when they are to be expanded."""
    row: dict[str, Any] = {
        "@odata.etag": etag(document),
        "id": document.id,
        **{name: value for name, value in document.content.items() if name not in _HIDDEN},
        "lastModifiedDateTime": stamp(document.changed),
    }
    more = _MORE.get(document.kind)
    row |= more(document.content) if more else {}
    if expand and document.kind == "salesInvoices":
        lines = enumerate(document.content["lines"], start=1)
        row["salesInvoiceLines"] = [_line(books, document, n, line) for n, line in lines]
    return row


def _customer(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"address": {**_ADDRESS, **(content.get("address") or {})}}


def _invoice(content: Mapping[str, Any]) -> dict[str, Any]:
    untaxed, tax = totals([line for line in content["lines"] if line["lineType"] != "Comment"])
    open_amount = Decimal(0) if content["status"] == "Paid" else untaxed + tax
    return {
        "totalAmountExcludingTax": untaxed,
        "totalTaxAmount": tax,
        "totalAmountIncludingTax": untaxed + tax,
        "remainingAmount": open_amount,
        "pricesIncludeTax": False,
    }


_MORE: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "customers": _customer,
    "salesInvoices": _invoice,
}


def _line(books: Books, invoice: Document, number: int, line: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": line["id"],
        "documentId": invoice.id,
        "sequence": number * 10000,
        "lineType": line["lineType"],
        "description": line.get("description", ""),
    }
    if line["lineType"] == "Comment":
        return row
    account = books.one("accounts", line["account"]).content
    tax = (net(line) * tax_percent(line["taxCode"]) / 100).quantize(Decimal("0.01"))
    return row | {
        "accountId": line["account"],
        "lineDetails": {"number": account["number"], "displayName": account["displayName"]},
        "quantity": line.get("quantity", 0),
        "unitPrice": line.get("unitPrice", 0),
        "unitOfMeasure": {**_UNIT, "displayName": "", **(line.get("unitOfMeasure") or {})},
        "taxCode": line["taxCode"],
        "taxPercent": tax_percent(line["taxCode"]),
        "amountExcludingTax": net(line),
        "totalTaxAmount": tax,
        "amountIncludingTax": net(line) + tax,
    }
