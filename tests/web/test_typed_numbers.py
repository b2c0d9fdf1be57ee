"""Amounts are typed as one's language writes them, and never guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django import forms
from django.utils import translation

from controltower.web.typed_numbers import Amount

UNCLEAR = ("1.234.56", "12.34,5", "1,2,3", "1e5", "NaN", "٣", "1 23", "1.234 567,00", "0x1", "--1")


class Limit(forms.Form):
    """A form with an amount of money."""

    amount = Amount(min_value=0, decimal_places=2, max_digits=12)


@pytest.mark.parametrize(
    ("language", "typed", "amount"),
    [
        ("de", "1.234,56", "1234.56"), ("de", "1234,5", "1234.5"), ("de", "1.234", "1234"),
        ("de", "1.234.567,00", "1234567"), ("de", "1 234,56", "1234.56"),
        ("de", "1\u202f234,56", "1234.56"), ("de", " 0,01 ", "0.01"),
        ("en-gb", "1,234.56", "1234.56"), ("en-gb", "1234.5", "1234.5"),
        ("en-gb", "1,234", "1234"), ("en-gb", "1234", "1234"),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_its_language_writes_it(
    language: str, typed: str, amount: str
) -> None:
    with translation.override(language):
        form = Limit({"amount": typed})
        assert form.is_valid(), form.errors
    assert form.cleaned_data["amount"] == Decimal(amount)


@pytest.mark.parametrize(
    ("language", "typed"),
    [
        ("de", "1,234.56"), ("de", "1.5"), ("de", "1234.56"), ("de", "1,234"),
        ("en-gb", "1.234,56"), ("en-gb", "1,5"), ("en-gb", "1234,56"), ("en-gb", "1.234"),
        *((language, typed) for language in ("de", "en-gb") for typed in UNCLEAR),
    ],
)  # fmt: skip
def test_what_may_be_two_numbers_or_none_is_refused_with_an_example(
    language: str, typed: str
) -> None:
    with translation.override(language):
        form = Limit({"amount": typed})
        assert not form.is_valid()
    example = {"de": "1.234,56", "en-gb": "1,234.56"}[language]
    assert typed in form.errors["amount"][0] and example in form.errors["amount"][0]


def test_limits_hold_and_what_is_agreed_is_shown_as_it_would_be_typed() -> None:
    with translation.override("de"):
        assert not Limit({"amount": "-3"}).is_valid()
        assert 'value="25000,5"' in str(Limit(initial={"amount": Decimal("25000.5")}))
        assert 'value="1.234,56"' in str(Limit({"amount": "1.234,56"}))
