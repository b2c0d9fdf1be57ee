"""An invoice record read strictly, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.money import NotAnAmount, UnknownCurrency, decimal_of
from controltower.canonical.records import Invoice, InvoiceLine
from controltower.canonical.verdicts import FieldError, Kind, Rejected
from integrations.order_lines import Arithmetic, Line, line_of


class Unfit(Exception):
    """A record cannot be sent as it is; `verdict` says why."""

    def __init__(self, verdict: Rejected) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict


class UnknownCodes(Unfit):
    """Some codes of a record are not known to the ERP; `verdict` names them all."""

    def __init__(self, problems: Sequence[FieldError]) -> None:
        text = " ".join(problem.text for problem in problems)
        super().__init__(Rejected(kind=Kind.REFERENCE_MISSING, text=text, fields=tuple(problems)))


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be invoiced; its lines come to our cent in the ERP."""

    company: str
    party_code: str
    reference: str
    currency: str
    payment_term: str
    description: str
    comment: str
    on: date | None
    lines: tuple[Line, ...]

    @classmethod
    def read(cls, record: Mapping[str, Any], arithmetic: Arithmetic) -> Order:
        """Read a record of the shape that the README of the ERP gives. Raises Unfit."""
        return cls(
            company=_text(record, "company"),
            party_code=_text(record, "party_code"),
            reference=_reference(record),
            currency=_text(record, "currency"),
            payment_term=_text(record, "payment_term"),
            description=_text(record, "description"),
            comment=_text(record, "comment"),
            on=date_of(record.get("invoice_date")),
            lines=_lines(record, arithmetic),
        )

    def is_said_by(self, shown: Invoice) -> bool:
        """Whether an invoice says all of it already, line by line."""
        header = (shown.customer_code, shown.currency, shown.invoice_date, shown.description)
        if header != (self.party_code, self.currency, self.on, self.description):
            return False
        return [_content(line) for line in shown.lines] == [_content(line) for line in self.lines]


def _content(line: Line | InvoiceLine) -> tuple[str, Decimal, Decimal, str, str]:
    return line.description, line.quantity, line.unit_price, line.tax_code, line.account_code


def date_of(value: Any) -> date | None:
    """A date, given as one or as ISO 8601 text. Raises Unfit."""
    if value in (None, ""):
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise _unfit("invoice_date", f"The invoice date “{value}” is not a date.") from None


def _reference(record: Mapping[str, Any]) -> str:
    reference = _text(record, "reference")
    if not reference:
        raise _unfit("reference", "The invoice carries no reference of ours to find it by.")
    return reference


def _lines(record: Mapping[str, Any], arithmetic: Arithmetic) -> tuple[Line, ...]:
    currency = _text(record, "currency")
    try:
        lines = tuple(line_of(line, currency, arithmetic) for line in record.get("lines") or ())
        untaxed = decimal_of(_text(record, "untaxed")) if record.get("untaxed") else None
    except UnknownCurrency:
        raise _unfit("currency", f"“{currency}” is no currency the firm trades in.") from None
    except NotAnAmount as error:
        raise _unfit("lines", f"“{error}” on the invoice is not an amount.") from None
    if not lines:
        raise _unfit("lines", "The invoice has no lines.")
    come_to = sum((line.amount for line in lines), Decimal(0))
    if untaxed is not None and untaxed != come_to:
        text = f"The invoice's lines come to {come_to}, but its net amount is {untaxed}."
        raise _unfit("untaxed", text)
    return lines


def _text(record: Mapping[str, Any], name: str) -> str:
    """As the ERP will keep it, without blanks around: else it would not be found again."""
    value = record.get(name)
    return "" if value is None else str(value).strip()


def _unfit(field: str, text: str) -> Unfit:
    return Unfit(Rejected(kind=Kind.VALIDATION, text=text, fields=(FieldError(field, text),)))
