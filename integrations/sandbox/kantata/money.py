"""Amounts as the vendor writes them: whole numbers of a currency's minor units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integrations.sandbox.kantata.shapes import base_unit, row
from integrations.sandbox.store import Document


def of(currency: str) -> dict[str, Any]:
    """The members that say in which currency amounts beside them are."""
    return {"currency": currency, "currency_base_unit": base_unit(currency)}


def minor(amount: Decimal, currency: str) -> int:
    """An amount in major units in those that the vendor counts in."""
    return int((amount * base_unit(currency)).to_integral_value())


def worth(document: Document) -> int:
    """What a time entry or an expense is worth, in minor units, half up."""
    fields = row(document)
    if document.kind == "expenses":
        return int(fields["amount_in_cents"])
    worth = Decimal(fields["rate_in_cents"]) * fields["time_in_minutes"] / 60
    return int((worth + Decimal("0.5")) // 1)
