"""How the pretend environment's records look on the wire."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from integrations.sandbox.business_central.books import (
    PAPERS,
    Books,
    Fault,
    net,
    remaining,
    stamp,
    tax_percent,
    totals,
)
from integrations.sandbox.store import Document

_ADDRESS = {"street": "", "city": "", "state": "", "countryLetterCode": "", "postalCode": ""}
_HIDDEN = {"company", "lines", "currency", "credited", "journal"}
_UNIT = {"symbol": None}


def etag(document: Document) -> str:
    """The version of an entity."""
    mark = base64.b64encode(f"{document.id};{document.version}".encode()).decode()
    return f'W/"{mark}"'


def expects(known: Document, expected: str) -> None:
    """Raises Fault when an entity is no longer at the version that a change expects."""
    if not expected:
        raise Fault(400, "BadRequest", "The request must have an If-Match header.")
    if expected not in {"*", etag(known)}:
        words = "Another user has already changed the record."
        raise Fault(409, "Request_EntityChanged", words)


def shown(books: Books, document: Document, expand: bool = False) -> dict[str, Any]:
    """An entity; a sales document with its lines when they are to be expanded."""
    row: dict[str, Any] = {
        "@odata.etag": etag(document),
        "id": int(document.id) if document.kind == "generalLedgerEntries" else document.id,
        **{name: value for name, value in document.content.items() if name not in _HIDDEN},
        "lastModifiedDateTime": stamp(document.changed),
    }
    more = _MORE.get(document.kind)
    row |= more(document.content) if more else {}
    if expand and document.kind in PAPERS:
        lines = enumerate(document.content["lines"], start=1)
        row[PAPERS[document.kind].lines] = [_line(books, document, n, line) for n, line in lines]
    if expand and document.kind == "journals":
        rows = books.rows("journalLines", document.content["company"])
        ours = [one for one in rows if one.content["journal"] == document.id]
        row["journalLines"] = [shown(books, one) for one in ours]
    return row


def _customer(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"address": {**_ADDRESS, **(content.get("address") or {})}}


def _invoice(content: Mapping[str, Any]) -> dict[str, Any]:
    return {**_paper(content), "remainingAmount": remaining(content)}


def _paper(content: Mapping[str, Any]) -> dict[str, Any]:
    untaxed, tax = totals([line for line in content["lines"] if line["lineType"] != "Comment"])
    return {
        "totalAmountExcludingTax": untaxed,
        "totalTaxAmount": tax,
        "totalAmountIncludingTax": untaxed + tax,
        "pricesIncludeTax": False,
    }


def _entry(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Decimal(content[name]) for name in ("debitAmount", "creditAmount")}


_MORE: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "customers": _customer,
    "salesInvoices": _invoice,
    "salesCreditMemos": _paper,
    "generalLedgerEntries": _entry,
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
