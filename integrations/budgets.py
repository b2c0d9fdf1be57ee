"""What a project is worth: what was signed at first, and every change order approved since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from controltower.canonical.records import ChangeOrder
from controltower.canonical.verdicts import Kind, Rejected


def agreed(budget: Mapping[str, Any], orders: Sequence[ChangeOrder]) -> dict[str, Any]:
    """The budget with what its approved change orders make of it: `agreed_value`, None while
    nobody has said what was signed at first, and `agreed_end`, the latest end agreed."""
    original = budget["original_value"]
    added = sum((order.amount for order in orders), Decimal(0))
    ends = [order.ends_on for order in orders if order.ends_on]
    return {
        **budget,
        "agreed_value": Decimal(original) + added if original else None,
        "agreed_end": max(ends) if ends else budget["end_date"],
        "change_orders": [order.number for order in orders],
    }


def unsigned(budget: Mapping[str, Any]) -> Rejected | None:
    """Why a contract value cannot follow its change orders, or None."""
    if budget["agreed_value"] is not None:
        return None
    text = (
        f"Project {budget['name']} has no original value: what was signed at first must be "
        "entered before change orders can be added to it."
    )
    return Rejected(kind=Kind.VALIDATION, text=text)
