"""What an invoice of the account's can be: the sum of the time and the expenses on it, and of what
is billed beside them. It is never less than the work on it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.canonical.verdicts import FieldError, Kind, Rejected
from integrations.answers import as_agreed
from integrations.kantata import translate
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import BEYOND
from integrations.kantata.envelope import Envelope
from integrations.kantata.reading import named
from integrations.shape import amount, required

LACKS = (
    (
        "An invoice of less than the work on it, as a cap or a retainer asks for: the API makes"
        " invoices of whole time entries and expenses, and documents no items below zero. A"
        " workspace's budget shows what is worked beyond it and holds no invoice back: a cap is the"
        " signed contract's, and what does not fit into it whole is refused in words."
    ),
    "Approval of a billing milestone: all that is known of it is its date.",
    (
        "People and delivered months: the API makes no users and knows no delivered month of a"
        " project. Routes give both to another PSA."
    ),
)
_KINDS = {"timecard": "time_entries", "expense": "expenses"}


async def objection(client: KantataClient, record: Mapping[str, Any]) -> Rejected | None:
    """Why no invoice can be made of this work for this amount; None where one can, or where the
    amount is not told. Raises CallFailed."""
    over = await _over(client, record)
    if over is None or over.amount >= 0:
        return None
    words = (
        f"The work on this invoice comes to {-over.amount:,} {over.currency} more than may be"
        " billed of it, by the contract's cap or its retainer. Kantata invoices time and expenses"
        " whole: mark there what is not to be billed, or move the project to a PSA that can."
    )
    return Rejected(kind=Kind.VALIDATION, text=words, fields=(FieldError("amount", words),))


async def beyond(client: KantataClient, record: Mapping[str, Any]) -> dict[str, str]:
    """What is billed beside the work on an invoice, such as a monthly fee. Raises CallFailed."""
    over = await _over(client, record)
    return {BEYOND: str(over.amount)} if over is not None and over.amount > 0 else {}


async def _over(client: KantataClient, record: Mapping[str, Any]) -> Money | None:
    """By how much an invoice's amount is more than its work. Raises CallFailed."""
    try:
        billed = Money.of(str(record["amount"]), str(record["currency"]))
    except (KeyError, NotAnAmount, UnknownCurrency):
        return None
    worth = Decimal(0)
    for kind, collection in _KINDS.items():
        numbers = [str(one["ref"]) for one in record.get("items") or () if one["kind"] == kind]
        if numbers:
            found = await named(client, collection, numbers)
            worth += as_agreed(partial(_sum, found), found.exchange)
    return Money.of(str(billed.amount - worth), billed.currency)


def _sum(found: Envelope) -> Decimal:
    """What this work is billed at, each to the cent. Raises Drift."""
    return sum((_worth(row) for row in found.rows), Decimal(0))


def _worth(row: Mapping[str, Any]) -> Decimal:
    if "amount_in_cents" in row:
        return translate.money(row, "amount_in_cents", row)
    minutes, rate = amount(row, "time_in_minutes"), translate.money(row, "rate_in_cents", row)
    return Money.of(rate * minutes / 60, required(row, "currency")).amount
