"""A revenue entry's record read strictly, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.canonical.verdicts import FieldError, Kind, Rejected
from integrations.orders import Unfit, date_of

SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be recognised of a project in a month: `amount` is all of it, in the company's
    currency; `on` the day on which the books take what is not in them yet."""

    company: str
    reference: str
    project: str
    period: str
    on: date
    amount: Decimal
    currency: str
    journal: str
    revenue: str
    deferred: str
    description: str

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Entry:
        """Read a record of the shape that the README gives. Raises Unfit."""
        given = {name: _text(record, name) for name in ("reference", "project", "period", "date")}
        for name, value in given.items():
            if not value:
                raise unfit(name, f"The revenue entry carries no {name}.")
        currency, on = _text(record, "currency"), date_of(given["date"])
        assert on is not None
        try:
            worth = Money.of(_text(record, "amount"), currency).amount
        except UnknownCurrency:
            words = f"“{currency}” is no currency the firm trades in."
            raise unfit("currency", words) from None
        except NotAnAmount as error:
            raise unfit("amount", f"“{error}” is not an amount.") from None
        return cls(
            company=_text(record, "company"),
            reference=given["reference"],
            project=given["project"],
            period=given["period"],
            on=on,
            amount=worth,
            currency=currency,
            journal=_text(record, "journal"),
            revenue=_text(record, "revenue_account"),
            deferred=_text(record, "deferred_account"),
            description=_text(record, "description"),
        )

    @property
    def label(self) -> str:
        """The text of its line of revenue, which ends with the mark of its month."""
        return SEPARATOR.join((self.description, self.project, self.period))


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return "" if value is None else str(value).strip()


def unfit(field: str, words: str) -> Unfit:
    """The refusal of a record for one of its fields."""
    return Unfit(Rejected(kind=Kind.VALIDATION, text=words, fields=(FieldError(field, words),)))
