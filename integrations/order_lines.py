"""Invoice lines that come to the same cent in an ERP as they do here.

An ERP multiplies quantity by unit price and rounds in its own way. A line whose amount would come
out differently there is sent as one unit at the exact amount, and its text says how the amount came
about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money, decimal_of, minor_units

PLAIN_UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How an ERP works out what a line comes to: the decimals that a quantity of each unit keeps,
    those of a unit price, and the rounding (a constant of `decimal`)."""

    units: Mapping[str, int]
    price_decimals: int
    rounding: str

    def comes_out(self, line: Line, currency: str) -> bool:
        """Whether the ERP makes the line's amount of its quantity and unit price."""
        if line.unit not in self.units:
            return True  # is refused by its name, not disguised
        if _decimals(line.quantity) > self.units[line.unit]:
            return False
        if _decimals(line.unit_price) > self.price_decimals:
            return False
        step = Decimal(1).scaleb(-minor_units(currency))
        return (line.quantity * line.unit_price).quantize(step, self.rounding) == line.amount


@dataclass(frozen=True, slots=True)
class Line:
    """A line ready to be sent; `amount` is what the ERP will make of it."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    tax_code: str
    account_code: str
    origin: str


def line_of(record: Mapping[str, Any], currency: str, arithmetic: Arithmetic) -> Line:
    """Read one line of a record. Raises NotAnAmount, UnknownCurrency."""
    quantity = decimal_of(_text(record, "quantity", "1"))
    price = decimal_of(_text(record, "unit_price"))
    given = record.get("amount")
    amount = Money.of(quantity * price if given in (None, "") else str(given), currency).amount
    line = Line(
        description=str(record.get("description") or "").strip(),
        quantity=quantity,
        unit=str(record.get("unit") or PLAIN_UNIT),
        unit_price=price,
        amount=amount,
        tax_code=str(record.get("tax_code") or ""),
        account_code=str(record.get("account_code") or ""),
        origin=str(record.get("origin") or "").strip(),
    )
    return line if arithmetic.comes_out(line, currency) else _as_one(line)


def _as_one(line: Line) -> Line:
    """The same amount as one unit; the text says how it came about."""
    how = f"({_plain(line.quantity)} {line.unit} × {_plain(line.unit_price)})"
    text = f"{line.description} {how}".strip()
    return replace(
        line, description=text, quantity=Decimal(1), unit=PLAIN_UNIT, unit_price=line.amount
    )


def _decimals(value: Decimal) -> int:
    return max(0, -int(value.normalize().as_tuple().exponent))


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _text(record: Mapping[str, Any], name: str, default: str = "0") -> str:
    value = record.get(name)
    return default if value in (None, "") else str(value)
