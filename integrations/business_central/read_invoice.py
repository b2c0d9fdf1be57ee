"""An invoice or a credit note as the vendor shows it, in canonical words. Totals are the
ERP's own."""

from __future__ import annotations

from collections.abc import Sequence

from controltower.canonical.records import Invoice, InvoiceLine
from controltower.canonical.verdicts import Done, Exchange, Outcome
from integrations.business_central.codes import Company
from integrations.business_central.papers import CREDIT_NOTE, INVOICE, Paper
from integrations.business_central.wire import laid_out, split, version_of
from integrations.shape import Row, amount, choice, day, listed, required, text

UNITS = {"hour": "HOUR", "day": "DAY", "unit": "PCS"}
"""Our unit to the vendor's code."""
STATES = {
    "Draft": "draft",
    "In Review": "draft",
    "Open": "posted",
    "Paid": "paid",
    "Canceled": "cancelled",
    "Corrective": "cancelled",
}
BOOKED = frozenset({"posted", "paid"})
_OUR_UNITS = {code: ours for ours, code in UNITS.items()}


def state_of(row: Row, paper: Paper = INVOICE) -> str:
    """In our words: of a credit memo, corrective says what it is for. Raises Drift."""
    own = {"Corrective": "posted"} if paper is CREDIT_NOTE else {}
    return choice(row, "status", STATES | own)


def invoice(
    row: Row, company: Company, paper: Paper = INVOICE, lines: Sequence[Row] | None = None
) -> Invoice:
    """The canonical invoice, one of less than zero for a credit memo; `lines` when the row was read
    without its own. Raises Drift."""
    said, booked = split(listed(row, paper.lines) if lines is None else lines)
    return Invoice(
        source_id=company.ref(row),
        name=text(row, "number") or text(row, "externalDocumentNumber"),
        entity=company.code,
        reference=text(row, "externalDocumentNumber"),
        number=text(row, "number"),
        customer_code=text(row, "customerNumber"),
        customer_name=text(row, "customerName"),
        currency=required(row, "currencyCode"),
        invoice_date=day(row, paper.dated),
        description=said,
        lines=tuple(_line(line, below, paper.sign) for line, below in booked),
        untaxed=paper.sign * amount(row, "totalAmountExcludingTax"),
        tax=paper.sign * amount(row, "totalTaxAmount"),
        total=paper.sign * amount(row, "totalAmountIncludingTax"),
        state=state_of(row, paper),
    )


def done(
    row: Row,
    company: Company,
    outcome: Outcome,
    exchange: Exchange,
    paper: Paper = INVOICE,
    lines: Sequence[Row] | None = None,
) -> Done:
    """What the company has of the document. Raises Drift."""
    found = invoice(row, company, paper, lines)
    return Done(
        ref=found.source_id,
        outcome=outcome,
        version=version_of(row),
        values=found.as_dict(),
        exchange=exchange,
    )


def _line(row: Row, below: Sequence[str], sign: int) -> InvoiceLine:
    said, origin = laid_out(text(row, "description"), below)
    unit = text(row, "unitOfMeasure.code")
    return InvoiceLine(
        description=said,
        quantity=sign * amount(row, "quantity"),
        unit=_OUR_UNITS.get(unit, unit),
        unit_price=amount(row, "unitPrice"),
        amount=sign * amount(row, "amountExcludingTax"),
        tax_code=text(row, "taxCode"),
        account_code=text(row, "lineDetails.number"),
        origin=origin,
    )
