"""An invoice as Tryton shows it, in canonical words. Totals are the ERP's own."""

from __future__ import annotations

from datetime import date, datetime

from controltower.canonical.records import Invoice, InvoiceLine
from controltower.canonical.verdicts import Done, Outcome
from integrations.shape import Drift, Row, amount, listed, of_type, required, text
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


def record_of(row: Row) -> Invoice:
    """The canonical invoice; totals are the ERP's own. Raises Drift."""
    lines = [line for line in listed(row, ("lines.",)) if text(line, "type") == "line"]
    return Invoice(
        source_id=ref_of(row),
        name=text(row, "number") or text(row, "reference"),
        entity=text(row, ("company.", "party.", "code")),
        reference=text(row, "reference"),
        number=text(row, "number"),
        customer_code=text(row, ("party.", "code")),
        customer_name=text(row, ("party.", "name")),
        currency=required(row, ("currency.", "code")),
        invoice_date=of_type(row, "invoice_date", date),
        payment_term=text(row, ("payment_term.", "name")),
        description=text(row, "description"),
        lines=tuple(map(_line, lines)),
        untaxed=amount(row, "untaxed_amount"),
        tax=amount(row, "tax_amount"),
        total=amount(row, "total_amount"),
        state=required(row, "state"),
    )


def _line(row: Row) -> InvoiceLine:
    unit = text(row, ("unit.", "name"))
    taxes = listed(row, ("taxes.",))
    return InvoiceLine(
        description=text(row, "description"),
        quantity=amount(row, "quantity"),
        unit=_OUR_UNITS.get(unit, unit),
        unit_price=amount(row, "unit_price"),
        amount=amount(row, "amount"),
        tax_code=text(taxes[0], "name") if taxes else "",
        account_code=text(row, ("account.", "code")),
        origin=text(row, "note"),
    )


def ref_of(row: Row) -> str:
    """Tryton's id of a record. Raises Drift."""
    found = of_type(row, "id", int)
    if found is None:
        raise Drift("“id” is empty")
    return str(found)


def version_of(row: Row) -> str:
    """Orders what Tryton said of one record: the time of its last change, UTC. Raises Drift."""
    return changed_at(row).isoformat(timespec="microseconds")


def changed_at(row: Row) -> datetime:
    """When a record was last changed, UTC. Raises Drift."""
    found = of_type(row, "write_date", datetime) or of_type(row, "create_date", datetime)
    if found is None:
        raise Drift("“create_date” is empty")
    return found


def done(row: Row, outcome: Outcome) -> Done:
    """What Tryton has of the invoice. Raises Drift."""
    values = record_of(row).as_dict()
    return Done(ref=ref_of(row), outcome=outcome, version=version_of(row), values=values)
