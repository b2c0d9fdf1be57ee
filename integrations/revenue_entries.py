"""A revenue entry's record read strictly, before anything is looked up, and how a ledger tells the
month of a project: by the mark at the end of the text of its line of revenue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.canonical.verdicts import Done, Exchange, FieldError, Kind, Outcome, Rejected
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

    @property
    def mark(self) -> str:
        """What the text of every line of revenue of that month ends with."""
        return mark_of(self.project, self.period)


def mark_of(project: str, period: str) -> str:
    """What the text of a line of revenue ends with."""
    return SEPARATOR.join(("", project, period))


def parts_of(label: str) -> tuple[str, str, str]:
    """Name, project and month in the text of a line of revenue."""
    name, project, period = ["", "", *label.rsplit(SEPARATOR, 2)][-3:]
    return name, project, period


def recognised(
    project: str,
    company: str,
    currency: str,
    booked: Iterable[tuple[str, Decimal]],
    exchange: Exchange | None = None,
) -> Done:
    """What a ledger shows as revenue of a project, by the month in which it was earned; `booked`
    are the texts of its lines, and what each is worth in the company's `currency`."""
    values = {
        "project": project,
        "company": company,
        "currency": currency,
        "months": by_month(booked),
    }
    return Done(ref=project, outcome=Outcome.READ, values=values, exchange=exchange)


def by_month(lines: Iterable[tuple[str, Decimal]]) -> list[dict[str, Any]]:
    """What lines of revenue, each with its text and its worth, come to in each month."""
    months = dict[str, Decimal]()
    for label, worth in lines:
        period = parts_of(label)[2]
        months[period] = months.get(period, Decimal(0)) + worth
    return [{"period": period, "amount": months[period]} for period in sorted(months)]


def nothing_left(entry: Entry, title: str) -> Rejected:
    """The refusal of an entry whose month shows all of it."""
    words = (
        f"{title} shows {entry.amount} for {entry.project} in {entry.period} already, posted or "
        "in a draft: nothing is left to be recognised."
    )
    return Rejected(kind=Kind.CONFLICT, text=words)


def closed(company: str, on: date | None, words: str, exchange: Exchange | None = None) -> Rejected:
    """The refusal of an entry in a closed month."""
    words = f"The accounting period of {on} is closed in {company}. {words}"
    fields = (FieldError("date", words),)
    return Rejected(kind=Kind.PERIOD_CLOSED, text=words, fields=fields, exchange=exchange)


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return "" if value is None else str(value).strip()


def unfit(field: str, words: str) -> Unfit:
    """The refusal of a record for one of its fields."""
    return Unfit(Rejected(kind=Kind.VALIDATION, text=words, fields=(FieldError(field, words),)))
