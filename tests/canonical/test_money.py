"""No minor unit is ever lost or made."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from controltower.canonical.money import (
    MINOR_UNITS,
    Money,
    NotAnAmount,
    UnknownCurrency,
    decimal_of,
    minor_units,
)

currencies = st.sampled_from(sorted(MINOR_UNITS))
monies = st.builds(Money, currencies, st.integers(-(10**30), 10**30))
CLDR_ROUNDS = set("AFN ALL IQD IRR KPW LAK LBP MGA MMK RSD SOS SYP YER".split())
"""Currencies whose minor unit the standard has, and prices have not."""
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(lambda w: sum(w) > 0)


@given(monies, weights)
def test_the_parts_of_a_split_equal_the_whole(money: Money, shares: list[int]) -> None:
    parts = money.split(shares)
    assert sum(part.minor for part in parts) == money.minor


@given(monies, weights)
def test_no_part_is_more_than_one_minor_unit_from_its_exact_share(
    money: Money, shares: list[int]
) -> None:
    whole = sum(shares)
    for part, share in zip(money.split(shares), shares, strict=True):
        assert abs(part.minor - Fraction(money.minor * share, whole)) < 1


@given(monies)
def test_an_amount_survives_text(money: Money) -> None:
    assert Money.of(str(money.amount), money.currency) == money


@given(currencies, st.decimals(allow_nan=False, allow_infinity=False, places=6, max_value=10**12))
def test_rounding_moves_by_at_most_half_a_minor_unit(currency: str, amount: Decimal) -> None:
    unit = Decimal(1).scaleb(-minor_units(currency))
    assert abs(Money.of(amount, currency).amount - amount) <= unit / 2


def test_a_currency_keeps_its_own_decimals() -> None:
    assert str(Money.of("1200", "JPY").amount) == "1200"
    assert str(Money.of("1.0005", "KWD").amount) == "1.001"
    assert str(Money.of("-0.005", "EUR").amount) == "-0.01"


def test_an_unknown_currency_is_said() -> None:
    with pytest.raises(UnknownCurrency):
        Money.of("1", "XXQ")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e1000000", "1" * 41, "", "twelve", "1,5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(NotAnAmount):
        decimal_of(text)


def test_a_split_needs_a_weight() -> None:
    with pytest.raises(ValueError, match="weights"):
        Money("EUR", 100).split([0, 0])
    with pytest.raises(ValueError, match="weights"):
        Money("EUR", 100).split([-1, 2])


def test_currencies_are_never_added_up() -> None:
    with pytest.raises(ValueError, match="cannot add"):
        _ = Money("EUR", 1) + Money("GBP", 1)


def test_converting_rounds_to_the_targets_minor_unit() -> None:
    assert Money.of("1000.00", "GBP").convert(Decimal("1.1420"), "EUR").minor == 114200
    assert Money.of("0.01", "EUR").convert(Decimal("161.37"), "JPY").minor == 2


def test_currencies_have_the_places_of_the_standard() -> None:
    """Against CLDR, which follows ISO 4217 but for what is rounded further in cash and prices."""
    rounded = {
        code: places
        for code, places in MINOR_UNITS.items()
        if places != get_currency_precision(code)
    }
    assert set(rounded) <= CLDR_ROUNDS
    assert len(MINOR_UNITS) > 150
    assert (MINOR_UNITS["BRL"], MINOR_UNITS["CLP"], MINOR_UNITS["TND"]) == (2, 0, 3)
