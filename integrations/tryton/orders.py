"""An invoice record read strictly, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.money import NotAnAmount, UnknownCurrency, decimal_of
from controltower.canonical.verdicts import FieldError, Kind, Rejected
from integrations.tryton.codes import Unfit
from integrations.tryton.lines import Line, line_of


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be invoiced; its lines come to our cent in Tryton."""

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
    def read(cls, record: Mapping[str, Any]) -> Order:
        """Read a record of the shape that the README gives. Raises Unfit."""
        return cls(
            company=_text(record, "company"),
            party_code=_text(record, "party_code"),
            reference=_reference(record),
            currency=_text(record, "currency"),
            payment_term=_text(record, "payment_term"),
            description=_text(record, "description"),
            comment=_text(record, "comment"),
            on=date_of(record.get("invoice_date")),
            lines=_lines(record),
        )


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


def _lines(record: Mapping[str, Any]) -> tuple[Line, ...]:
    currency = _text(record, "currency")
    try:
        lines = tuple(line_of(line, currency) for line in record.get("lines") or ())
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
    """As Tryton will keep it, without blanks around: else it would not be found again."""
    value = record.get(name)
    return "" if value is None else str(value).strip()


def _unfit(field: str, text: str) -> Unfit:
    return Unfit(Rejected(kind=Kind.VALIDATION, text=text, fields=(FieldError(field, text),)))
