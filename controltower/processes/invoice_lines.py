"""From approved work to invoice lines that add up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money


def total(items: Sequence[Mapping[str, Any]]) -> Money:
    """The untaxed value of the gathered work."""
    currency = str(items[0]["currency"])
    return sum((Money.of(str(item["amount"]), currency) for item in items), Money(currency, 0))


def line_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical invoice line of a fact, whose amount is the fact's to the cent. Hours are shown
    as quantity and rate only where these come to the same cent."""
    amount = Money.of(str(item["amount"]), str(item["currency"])).amount
    if "hours" in item:
        hours, rate = Decimal(str(item["hours"])), Decimal(str(item["rate"]))
        exact = Money.of(hours * rate, str(item["currency"])).amount == amount
        text = f"{item['resource_name']}, {item['role']}, week of {item['week_start']}"
        if exact:
            return _as_line(text, str(hours), "hour", str(rate), str(amount), item, "time")
        return _as_line(text, "1", "unit", str(amount), str(amount), item, "time")
    kind = "expense" if "type" in item else "milestone"
    text = f"{item['type']}, {item['resource_name']}" if kind == "expense" else str(item["name"])
    return _as_line(text, "1", "unit", str(amount), str(amount), item, kind)


def _as_line(
    text: str, quantity: str, unit: str, price: str, amount: str, item: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    return {
        "description": text,
        "quantity": quantity,
        "unit": unit,
        "unit_price": price,
        "amount": amount,
        "origin": f"{item['number']}{mark_of(item)}",
        "revenue_kind": kind,
    }


def mark_of(item: Mapping[str, Any]) -> str:
    """What the origin of a fact's line ends with. The source's own id, since numbers and names may
    be given twice or changed."""
    return f" · {item['source_id']}"


def kind_of(item: Mapping[str, Any]) -> str:
    """What the PSA calls the fact: timecard, expense or milestone."""
    if "hours" in item:
        return "timecard"
    return "expense" if "type" in item else "milestone"
