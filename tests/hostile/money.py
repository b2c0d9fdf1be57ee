"""Random amounts split and converted in every currency: no minor unit is lost or made."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from controltower.canonical.money import MINOR_UNITS, Money

CURRENCIES = sorted(MINOR_UNITS)


@dataclass
class Findings:
    """What became of the amounts; `wrong` must stay empty."""

    seed: int
    count: int
    currencies: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For a verdict in JSON."""
        return {**vars(self), "ok": not self.wrong}


def run(seed: int, count: int) -> Findings:
    """Split so many amounts, and convert as many."""
    random = Random(seed)
    found = Findings(seed, count)
    for number in range(count):
        money = Money(CURRENCIES[number % len(CURRENCIES)], _minor(random))
        found.currencies[money.currency] = found.currencies.get(money.currency, 0) + 1
        for fault in (_split(random, money), _convert(random, money)):
            if fault:
                found.wrong.append(f"{number}: {money!r} {fault}")
    return found


def _minor(random: Random) -> int:
    """Small and huge, owed and credited, and often just beside a power of ten."""
    size = 10 ** random.randint(0, 30)
    amount: int = random.choice([0, 1, size - 1, size, random.randrange(size)])
    return random.choice([-amount, amount])


def _split(random: Random, money: Money) -> str:
    weights: list[Decimal] = []
    for _ in range(random.randint(1, 12)):
        any_weight = Decimal(random.randrange(10**9)) / random.choice([1, 1000])
        weights.append(random.choice([Decimal(0), Decimal(1), Decimal(3), any_weight]))
    whole = sum(map(Fraction, weights), Fraction(0))
    if not whole:
        return ""
    parts = money.split(weights)
    if sum(part.minor for part in parts) != money.minor:
        return f"split by {weights} gives another sum"
    exact = [money.minor * Fraction(weight) / whole for weight in weights]
    if any(abs(part.minor - share) >= 1 for part, share in zip(parts, exact, strict=True)):
        return f"split by {weights} moves a part by a whole minor unit"
    return ""


def _convert(random: Random, money: Money) -> str:
    """Against the same sum in fractions, rounded half away from zero."""
    other = random.choice(CURRENCIES)
    rate = Decimal(random.randrange(1, 10**9)).scaleb(-random.randint(0, 8))
    made = money.convert(rate, other)
    ratio = Fraction(10) ** (MINOR_UNITS[other] - MINOR_UNITS[money.currency])
    exact = abs(money.minor) * Fraction(rate) * ratio
    rounded = int(exact + Fraction(1, 2))
    expected = rounded if money.minor >= 0 else -rounded
    return "" if made == Money(other, expected) else f"at {rate} is {made!r}, not {expected}"
