"""An invoice as Tryton shows it, in canonical words. Totals are the ERP's own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from controltower.canonical.records import Invoice, InvoiceLine
from controltower.canonical.verdicts import Done, Outcome
from integrations.tryton.codes import UNITS

MODEL = "account.invoice"
FIELDS = [
    "number", "state", "reference", "description", "comment", "invoice_date", "untaxed_amount",
    "tax_amount", "total_amount", "write_date", "create_date", "company.party.code",
    "company.party.name",
    "party.code", "party.name", "currency.code", "payment_term.name",
    "lines.type", "lines.description", "lines.quantity", "lines.unit.name", "lines.unit_price",
    "lines.amount", "lines.note", "lines.account.code", "lines.taxes.name",
]  # fmt: skip
_OUR_UNITS = {name: ours for ours, (name, _) in UNITS.items()}


def record_of(row: dict[str, Any]) -> Invoice:
    """The canonical invoice; totals are the ERP's own."""
    return Invoice(
        source_id=str(row["id"]),
        name=row["number"] or row["reference"] or "",
        entity=row["company."]["party."]["code"],
        reference=row["reference"] or "",
        number=row["number"] or "",
        customer_code=row["party."]["code"],
        customer_name=row["party."]["name"] or "",
        currency=row["currency."]["code"],
        invoice_date=row["invoice_date"],
        payment_term=(row["payment_term."] or {}).get("name", ""),
        description=row["description"] or "",
        lines=tuple(_line(line) for line in row["lines."] if line["type"] == "line"),
        untaxed=row["untaxed_amount"],
        tax=row["tax_amount"],
        total=row["total_amount"],
        state=row["state"],
    )


def _line(row: dict[str, Any]) -> InvoiceLine:
    unit = (row["unit."] or {}).get("name", "")
    return InvoiceLine(
        description=row["description"] or "",
        quantity=Decimal(str(row["quantity"])),
        unit=_OUR_UNITS.get(unit, unit),
        unit_price=row["unit_price"],
        amount=row["amount"],
        tax_code=next((tax["name"] for tax in row["taxes."]), ""),
        account_code=(row["account."] or {}).get("code", ""),
        origin=row["note"] or "",
    )


def version_of(row: dict[str, Any]) -> str:
    """Orders what Tryton said of one record: the time of its last change, UTC."""
    return str((row["write_date"] or row["create_date"]).isoformat(timespec="microseconds"))


def done(row: dict[str, Any], outcome: Outcome) -> Done:
    values = record_of(row).as_dict()
    return Done(ref=str(row["id"]), outcome=outcome, version=version_of(row), values=values)
