"""Admin: what a company's books and the use of a rate let nobody change unawares."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from controltower.firm import rates as firm_rates
from controltower.firm.models import ExchangeRate, LegalEntity, PolicyState, PolicyVersion
from tests.factories import Firm
from tests.web.cast import browser
from tests.web.test_companies_and_rates import COMPANIES, RATES, VIENNA, agree, lines, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def amara(firm: Firm) -> Client:
    return browser(firm.amara)


@pytest.fixture
def anna(firm: Firm) -> Client:
    return browser(firm.anna)


def test_its_currency_stays_once_it_has_books(firm: Firm, amara: Client, anna: Client) -> None:
    german = LegalEntity.objects.get(code="LF-DE")
    other = {**VIENNA, "about": "LF-DE", "name": german.name, "country": "DE", "currency": "CHF"}
    said(amara, COMPANIES, other)
    firm.deal()
    assert "has books in EUR: its currency cannot change" in agree(anna)
    german.refresh_from_db()
    assert german.currency == "EUR"
    (waiting,) = PolicyVersion.objects.filter(state=PolicyState.PROPOSED)
    said(anna, f"/manage/decisions/{waiting.pk}/", {"agree": "no"})
    assert "has books in EUR" in said(amara, COMPANIES, other)
    assert "It has books: this cannot change any more." in amara.get(COMPANIES).content.decode()


def test_a_used_rate_is_replaced_only_once_it_is_said_what_it_touches(
    firm: Firm, amara: Client, anna: Client
) -> None:
    firm.deal(currency="GBP", entity="LF-UK")
    there = ExchangeRate.objects.get(currency="GBP")
    other = f"GBP, {there.on}, 1.2"
    answer = said(anna, RATES, lines(other))
    assert "1.20 instead of 1.142" in answer
    assert "1 transaction is worth another amount in every total" in answer
    assert not PolicyVersion.objects.filter(state=PolicyState.PROPOSED).exists()
    said(anna, RATES, lines(other, replace="on"))
    assert "1 transaction is worth another amount" in amara.get("/manage/").content.decode()
    agree(amara)
    assert firm_rates.rates()["GBP"] == Decimal("1.2")
