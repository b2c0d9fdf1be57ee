"""Invoice lines that come to the same cent in Tryton as they do here.

Tryton multiplies quantity by unit price and rounds half to even; quantities keep the decimals of
their unit, unit prices four. A line whose amount would come out differently is sent as one unit at
the exact amount, and its text says how the amount came about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from controltower.canonical.money import Money, decimal_of, minor_units
from integrations.tryton.codes import UNITS

PRICE_DECIMALS = 4
PLAIN_UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Line:
    """A line ready to be sent; `amount` is what Tryton will make of it."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    tax_code: str
    account_code: str
    origin: str


def line_of(record: Mapping[str, Any], currency: str) -> Line:
    """Read one line of a record. Raises NotAnAmount, UnknownCurrency."""
    quantity = decimal_of(_text(record, "quantity", "1"))
    price = decimal_of(_text(record, "unit_price"))
    unit = str(record.get("unit") or PLAIN_UNIT)
    given = record.get("amount")
    amount = Money.of(quantity * price if given in (None, "") else str(given), currency).amount
    description = str(record.get("description") or "").strip()
    if not _comes_out(quantity, unit, price, amount, currency):
        description = f"{description} ({_plain(quantity)} {unit} × {_plain(price)})".strip()
        quantity, unit, price = Decimal(1), PLAIN_UNIT, amount
    return Line(
        description=description,
        quantity=quantity,
        unit=unit,
        unit_price=price,
        amount=amount,
        tax_code=str(record.get("tax_code") or ""),
        account_code=str(record.get("account_code") or ""),
        origin=str(record.get("origin") or "").strip(),
    )


def _comes_out(
    quantity: Decimal, unit: str, price: Decimal, amount: Decimal, currency: str
) -> bool:
    if unit not in UNITS:
        return True  # is refused by its name, not disguised
    if _decimals(quantity) > UNITS[unit][1] or _decimals(price) > PRICE_DECIMALS:
        return False
    step = Decimal(1).scaleb(-minor_units(currency))
    return (quantity * price).quantize(step, ROUND_HALF_EVEN) == amount


def _decimals(value: Decimal) -> int:
    return max(0, -int(value.normalize().as_tuple().exponent))


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _text(record: Mapping[str, Any], name: str, default: str = "0") -> str:
    value = record.get(name)
    return default if value in (None, "") else str(value)
