"""Money: exact amounts in a currency. No float comes near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from fractions import Fraction

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ "
    "GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL "
    "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
    "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
MINOR_UNITS = {
    code: units for units, codes in ((0, _NONE), (2, _TWO), (3, _THREE)) for code in codes.split()
}
"""Decimal places per code that money is billed in, by ISO 4217 (list one, 2025)."""


EXACT = Context(prec=100)
"""Wide enough for any amount that `decimal_of` admits: nothing is rounded by the way."""


class UnknownCurrency(ValueError):
    """The code is not an ISO 4217 currency."""


class NotAnAmount(ValueError):
    """The text is not a finite decimal amount within bounds."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units of an ISO 4217 currency."""

    currency: str
    minor: int

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Money:
        """Round half up to the currency's minor unit.

        Raises UnknownCurrency or NotAnAmount.
        """
        places = minor_units(currency)
        minor = decimal_of(amount).scaleb(places, EXACT)
        return cls(currency, int(minor.to_integral_value(ROUND_HALF_UP, EXACT)))

    @property
    def amount(self) -> Decimal:
        """The amount in major units with the currency's own decimals."""
        places = minor_units(self.currency)
        return Decimal(self.minor).scaleb(-places, EXACT)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.currency, self.minor + other.minor)

    def __sub__(self, other: Money) -> Money:
        return self + Money(other.currency, -other.minor)

    def split(self, weights: Sequence[Decimal | int]) -> list[Money]:
        """Split by largest remainder, so that the parts equal the whole exactly.

        Ties go to the earlier part. Raises ValueError when the weights do not sum above zero.
        """
        shares = [Fraction(weight) for weight in weights]
        whole = sum(shares, Fraction(0))
        if whole <= 0 or min(shares) < 0:
            raise ValueError("weights must be non-negative and sum above zero")
        sign = -1 if self.minor < 0 else 1
        exact = [abs(self.minor) * share / whole for share in shares]
        parts = [int(value) for value in exact]
        left = abs(self.minor) - sum(parts)
        by_remainder = sorted(range(len(exact)), key=lambda i: (parts[i] - exact[i], i))
        for index in by_remainder[:left]:
            parts[index] += 1
        return [Money(self.currency, sign * part) for part in parts]

    def convert(self, rate: Decimal, currency: str) -> Money:
        """Convert at `rate` units of `currency` per unit of this one, rounded half up."""
        return Money.of(EXACT.multiply(self.amount, rate), currency)


def minor_units(currency: str) -> int:
    """Decimal places of a currency. Raises UnknownCurrency."""
    try:
        return MINOR_UNITS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


def decimal_of(value: Decimal | str | int) -> Decimal:
    """Read an exact decimal of at most 40 digits and exponent 20. Raises NotAnAmount."""
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError, TypeError):
        raise NotAnAmount(str(value)[:60]) from None
    if not number.is_finite():
        raise NotAnAmount(str(value)[:60])
    _, digits, exponent = number.as_tuple()
    if len(digits) > 40 or abs(int(exponent)) > 20:
        raise NotAnAmount(str(value)[:60])
    return number
