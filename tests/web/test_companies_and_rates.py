"""Admin: companies and exchange rates, proposed by one and agreed to by another."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.firm import rates as firm_rates
from controltower.firm.companies import FIELDS, content_of
from controltower.firm.models import (
    AuditEntry,
    ExchangeRate,
    LegalEntity,
    Period,
    PolicyState,
    PolicyVersion,
    Role,
)
from controltower.incidents import asking
from controltower.incidents.models import Ask
from controltower.systems.models import System
from controltower.web.manage_companies import Company, NewCompany
from tests.web.cast import browser, entity, person

pytestmark = pytest.mark.django_db
COMPANIES, RATES = "/manage/companies/", "/manage/rates/"
VIENNA = {
    "about": "LF-AT", "name": "Larkfield Wien GmbH", "country": "AT", "currency": "EUR",
    "zone": "Europe/Vienna", "gathering_minutes": "120", "revenue_tolerance": "2.50",
    "staffing_tolerance": "4",
    "residency": "eu", "first_open_month": "2026-10", "reason": "We open in Vienna.",
}  # fmt: skip


@pytest.fixture
def amara() -> Client:
    return browser(person("amara", Role.ADMINISTRATOR))


@pytest.fixture
def anna() -> Client:
    return browser(person("anna", Role.CONTROLLER))


def said(client: Client, path: str, form: dict[str, Any]) -> str:
    return client.post(path, form, follow=True).content.decode()


def agree(client: Client) -> str:
    (version,) = PolicyVersion.objects.filter(state=PolicyState.PROPOSED)
    return said(client, f"/manage/decisions/{version.pk}/", {"agree": "yes"})


def lines(text: str, **more: str) -> dict[str, str]:
    return {"lines": text, "reason": "The month's rates.", **more}


def test_a_company_is_there_once_a_second_person_has_agreed(amara: Client, anna: Client) -> None:
    assert "second person has agreed" in said(amara, COMPANIES, VIENNA)
    assert not LegalEntity.objects.exists()
    page = amara.get(COMPANIES).content.decode()
    assert "Company LF-AT" in page
    assert "Larkfield Wien GmbH, Austria, EUR" in anna.get("/manage/").content.decode()
    agree(anna)
    made = LegalEntity.objects.get()
    assert (made.code, made.residency) == ("LF-AT", "EU")
    assert made.gather_for == timedelta(hours=2)
    assert made.revenue_tolerance == Decimal("2.5")
    assert Period.objects.get(entity=made, month="2026-10").closed is False
    assert Period.objects.get(entity=made, month="2026-09").closed is True
    assert "v1" in amara.get(COMPANIES).content.decode()


def test_it_says_which_systems_a_companys_records_do_not_go_to(amara: Client, anna: Client) -> None:
    for slug, region in (("books", "EU"), ("chat", "US"), ("ledger", "")):
        System.objects.create(
            slug=slug, title=slug.capitalize(), domain="ERP", role="erp", connector="tryton",
            connection=slug, base_url="https://books.example", region=region,
        )  # fmt: skip
    said(amara, COMPANIES, VIENNA)
    agree(anna)
    assert "not to Chat, Ledger" in anna.get(COMPANIES).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("about", "vienna branch", "is no code"),
        ("country", "XX", "Select a valid choice"),
        ("currency", "ATS", "Select a valid choice"),
        ("zone", "Europe/Atlantis", "Select a valid choice"),
        ("first_open_month", "October", "is no month"),
        ("gathering_minutes", "-1", "greater than or equal to 0"),
        ("name", "", "Name: This field is required"),
        ("country", "", "Country: This field is required"),
        ("reason", "", "Reason: This field is required"),
    ],
)
def test_what_is_no_company_is_not_proposed(
    amara: Client, field: str, value: str, words: str
) -> None:
    assert words in said(amara, COMPANIES, VIENNA | {field: value})
    assert not PolicyVersion.objects.exists()


def test_a_rate_is_proposed_by_a_controller_and_agreed_to(amara: Client, anna: Client) -> None:
    entity("LF-UK", "GBP")
    assert "its money is in no total" in anna.get(RATES).content.decode()
    said(anna, RATES, lines("GBP, 2026-11-01, 1.1420"))
    assert not ExchangeRate.objects.exists()
    assert asking.follow(now=timezone.now()) == 1
    assert Ask.objects.get().title == "Exchange rates: GBP"
    assert "1.142 from 1 Nov 2026" in amara.get("/manage/").content.decode()
    agree(amara)
    assert firm_rates.rates()["GBP"] == Decimal("1.142")
    page = anna.get(RATES).content.decode()
    assert "1.142" in page
    assert "November 2026" in page


def test_an_administrator_agrees_to_rates_and_proposes_none(amara: Client) -> None:
    answer = said(amara, RATES, lines("GBP, 2026-11-01, 1.1420"))
    assert "Only the finance controller of the whole firm may do this." in answer
    assert not PolicyVersion.objects.exists()
    assert AuditEntry.objects.filter(verb="propose policy", allowed=False).exists()


def test_a_list_is_pasted_as_a_spreadsheet_has_it(amara: Client, anna: Client) -> None:
    said(anna, RATES, lines("Currency;From;Rate\nGBP;2026-10-01;1,1311\n\ngbp;2026-11-01;1,1420"))
    said(anna, RATES, lines("USD\t2026-11-01\t0.8630"))
    for version in PolicyVersion.objects.filter(state=PolicyState.PROPOSED):
        said(amara, f"/manage/decisions/{version.pk}/", {"agree": "yes"})
    assert firm_rates.rates() == {
        "EUR": Decimal(1), "GBP": Decimal("1.142"), "USD": Decimal("0.863"),
    }  # fmt: skip


def test_every_bad_line_is_named_and_nothing_is_proposed(anna: Client) -> None:
    answer = said(
        anna, RATES,
        lines("GBP, 2026-11-01, 1.1\nPOUND, 2026-11-01, 1\nGBP, soon, 1\nGBP, 2026-12-01, -1\n"
              "EUR, 2026-11-01, 1\nGBP, 2026-11-01, 1.2\nUSD"),
    )  # fmt: skip
    assert "Nothing was changed." in answer
    for words in (
        "Line 2: “POUND” is no currency", "Line 3: “soon” is no day", "Line 4: “-1” is no",
        "Line 5: EUR is the reporting currency", "Line 6: This day has a rate", "Line 7:",
    ):  # fmt: skip
        assert words in answer, words
    assert "Line 1:" not in answer
    assert not PolicyVersion.objects.exists()


def test_all_currencies_of_a_list_are_proposed_or_none(anna: Client) -> None:
    said(anna, RATES, lines("USD, 2026-11-01, 0.9"))
    answer = said(anna, RATES, lines("GBP, 2026-11-01, 1.1\nUSD, 2026-12-01, 0.8"))
    assert "other rates of USD wait for a second person" in answer
    assert [one.about for one in PolicyVersion.objects.all()] == ["USD"]


def test_a_rate_of_a_later_day_is_known_and_does_not_hold_yet(amara: Client, anna: Client) -> None:
    soon = timezone.now().date() + timedelta(days=40)
    said(anna, RATES, lines(f"GBP, 2026-01-01, 1.1\nGBP, {soon}, 1.5"))
    agree(amara)
    assert firm_rates.rates()["GBP"] == Decimal("1.1")
    assert str(firm_rates.rate_date()) == "2026-01-01"


def test_its_form_asks_for_everything_that_a_company_is(amara: Client) -> None:
    """What a form leaves out would fall back to the usual with every change."""
    assert set(FIELDS) <= NewCompany.base_fields.keys()
    assert set(content_of(entity("LF-UK"))) <= Company.base_fields.keys()
