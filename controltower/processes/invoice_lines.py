"""From approved work to invoice lines that add up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money

LEFT_OUT = "left_out"
"""The kind of work that an earlier invoice had left out, above its contract's cap."""
RETAINER = "retainer"
"""The kind of a month's fee, whatever was worked in it."""
OURS = {LEFT_OUT, RETAINER}
"""Kinds that the PSA does not know: the tower tells of them."""

LONGEST_ORIGIN = 100
"""Signs of a line's origin: Business Central keeps no more."""


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
    return _as_line(_text(item), "1", "unit", str(amount), str(amount), item, _revenue_kind(item))


def less_line(amount: Money, text: str) -> dict[str, Any]:
    """The line by which an invoice carries less than its work comes to; `amount` is below zero."""
    less = str(amount.amount)
    return {
        "description": text,
        "quantity": "1",
        "unit": "unit",
        "unit_price": less,
        "amount": less,
        "origin": "",
        "revenue_kind": "time",
    }


def _text(item: Mapping[str, Any]) -> str:
    match kind_of(item):
        case "expense":
            return f"{item['type']}, {item['resource_name']}"
        case kind if kind == LEFT_OUT:
            return f"Work above the earlier cap, left out of {item['left_out_of']}"
        case kind if kind == RETAINER:
            return f"Retainer {item['retainer_month']}, contract {item['contract']}"
    return str(item["name"])


def _revenue_kind(item: Mapping[str, Any]) -> str:
    """As what it is earned: work that was left out of an invoice is time like any other, and so is
    a month's fee for time."""
    kind = kind_of(item)
    return "time" if kind in OURS else kind


def _as_line(
    text: str, quantity: str, unit: str, price: str, amount: str, item: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    return {
        "description": text,
        "quantity": quantity,
        "unit": unit,
        "unit_price": price,
        "amount": amount,
        "origin": origin_of(item),
        "revenue_kind": kind,
    }


def origin_of(item: Mapping[str, Any]) -> str:
    """The number of a fact and its mark, as long as every ledger keeps: the number is cut, which a
    contract's name may stand for, and never the mark."""
    mark = mark_of(item)
    return f"{str(item['number'])[: max(LONGEST_ORIGIN - len(mark), 0)]}{mark}"


def mark_of(item: Mapping[str, Any]) -> str:
    """What the origin of a fact's line ends with: its kind and the source's own id. Numbers and
    names may be given twice or changed, and a source may count each kind from one."""
    return f" · {kind_of(item)} {item['source_id']}"


def kind_of(item: Mapping[str, Any]) -> str:
    """What the PSA calls the fact: timecard, expense or milestone; those of `OURS` are known to us
    alone."""
    told = (
        ("hours", "timecard"),
        ("type", "expense"),
        ("left_out_of", LEFT_OUT),
        ("retainer_month", RETAINER),
    )
    return next((kind for name, kind in told if name in item), "milestone")
