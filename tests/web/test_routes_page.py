"""Admin's page of routes, while two sets of books are kept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.firm.models import LegalEntity, PolicyVersion
from controltower.systems.models import Route, System
from controltower.web import formats, plain_names
from tests.factories import Firm
from tests.web.cast import browser
from tests.web.files import rows_of

pytestmark = pytest.mark.django_db


def second_erp(old: System) -> System:
    """Another ERP, reached as the first one is."""
    return System.objects.create(
        slug="new-erp", title="The new ERP", domain="ERP", role="erp", connector=old.connector,
        connection="new-erp", base_url="http://127.0.0.1:9",
    )  # fmt: skip


def test_what_was_billed_stands_side_by_side(firm: Firm) -> None:
    old = System.objects.get(role="erp")
    new = second_erp(old)
    day = timezone.now().date() - timedelta(days=9)
    Route.objects.create(role="erp", system=new, starts_on=day)
    firm.bill(firm.deal())
    page = browser(firm.amara).get("/manage/routes/").content.decode()
    assert {f"Billed in {one.title}" in page for one in (old, new)} == {True}
    assert page.count(formats.amount(Decimal(7200), "EUR")) == 2
    assert "1 paper" in page


def test_routes_that_differ_in_their_record_alone_are_one_row(firm: Firm) -> None:
    old = System.objects.get(role="erp")
    second_erp(old)
    day = timezone.now().date() - timedelta(days=9)
    for record in ("invoice", "customer"):
        Route.objects.create(role="erp", record=record, system=old, starts_on=day)
    page = browser(firm.amara).get("/manage/routes/")
    (part,) = [one for one in page.context["parts"] if one["id"] == "erp"]
    found = [route["records"] for route in part["routes"] if route["from"] == day]
    assert found == [[plain_names.record(name) for name in ("customer", "invoice")]]
    assert f"{', '.join(found[0])}</td>" in page.content.decode()


def test_routes_are_narrowed_by_words(firm: Firm) -> None:
    old = System.objects.get(role="erp")
    second_erp(old)
    day = timezone.now().date() - timedelta(days=9)
    Route.objects.create(role="erp", record="purchase", system=old, starts_on=day)
    Route.objects.create(
        role="erp", company=LegalEntity.objects.get(code="LF-UK"), system=old, starts_on=day
    )
    client, word = browser(firm.amara), plain_names.record("purchase")

    def routes(query: str) -> int:
        page = client.get(f"/manage/routes/?q={query}")
        return sum(len(part["routes"]) for part in page.context["parts"])

    whole = routes("")
    assert 0 < routes(word) < whole
    assert routes("the new erp") == whole, "all of the part in which it stands"
    assert routes("abacus") == 0
    assert "No match." in client.get("/manage/routes/?q=abacus").content.decode()


def test_everybody_reads_the_routes_of_their_company_and_changes_none(firm: Firm) -> None:
    """Operators, PMO leads and stewards work by them; Admin's other pages stay closed to them."""
    old = System.objects.get(role="erp")
    new = second_erp(old)
    day = timezone.now().date() - timedelta(days=9)
    for code in ("LF-UK", "LF-DE"):
        company = LegalEntity.objects.get(code=code)
        Route.objects.create(role="erp", company=company, system=new, starts_on=day)
    firm.bill(firm.deal())
    page = browser(firm.otto).get("/manage/routes/")
    assert (page.status_code, len(page.context["tabs"])) == (200, 1)
    (part,) = [one for one in page.context["parts"] if one["id"] == "erp"]
    assert {one["company"].code for one in part["routes"] if one["company"]} == {"LF-UK", "LF-DE"}
    assert not part["action"].allowed
    british = browser(firm.callum)
    (part,) = [one for one in british.get("/manage/routes/").context["parts"] if one["id"] == "erp"]
    assert {one["company"].code for one in part["routes"] if one["company"]} == {"LF-UK"}
    assert part["billed"] == []
    assert {row["company"] for row in rows_of(british, "/exports/routes/")} <= {"", "LF-UK"}
    before = PolicyVersion.objects.count()
    asked = {"role": "erp", "system": new.slug, "starts_on": "2030-01-01", "reason": "so"}
    for person in (firm.otto, firm.callum):
        browser(person).post("/manage/routes/", asked)
        assert browser(person).get("/manage/people/").status_code == 403
    assert PolicyVersion.objects.count() == before


def test_routes_are_a_file_of_what_their_page_shows(firm: Firm) -> None:
    old = System.objects.get(role="erp")
    second_erp(old)
    day = timezone.now().date() - timedelta(days=9)
    Route.objects.create(role="erp", record="purchase", system=old, starts_on=day)
    rows = rows_of(browser(firm.amara), "/exports/routes/?q=purchase")
    assert [(row["system"], row["from"], row["until"]) for row in rows] == [
        (old.title, day.isoformat(), "")
    ]
