"""The signals of a month's end on the Tower, and surges on the Health page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.firm.models import LegalEntity, Person, Surge
from controltower.systems.models import Feed
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser, token

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    return factories.found()


def months(person: Person) -> str:
    return browser(person).get("/tower/close/").content.decode()


def row_of(page: str, entity: str, month: str) -> str:
    start = page.index(f'id="close-{entity}-{month}"')
    return page[start : page.index("</tr>", start)]


def test_what_a_month_waits_for_is_the_list_that_it_opens(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    waiting = firm.gathering(firm.deal())
    row = row_of(months(firm.anna), "LF-DE", waiting.month)
    assert "needs someone" in row
    assert "waits for its billing run" in row
    url = re.findall(r'href="(/tx/[^"]+)"', row)[0].replace("&amp;", "&")
    listed = browser(firm.anna).get(url).content.decode()
    assert listed.count('class="row-link"') == 2
    assert ">2</td>" in row


def test_nobody_sees_another_company_s_month(firm: Firm) -> None:
    assert "LF-UK" in months(firm.callum)
    assert "LF-DE" not in months(firm.callum)


def test_an_erp_that_has_not_spoken_is_said(firm: Firm) -> None:
    month = f"{timezone.now():%Y-%m}"
    assert "no ERP has said so" in row_of(months(firm.anna), "LF-DE", month)
    told = timezone.now() - timedelta(hours=2)
    LegalEntity.objects.get(code="LF-DE").periods.update(told_at=told, told_by="tryton")
    assert "Tryton ERP: " in row_of(months(firm.anna), "LF-DE", month)
    LegalEntity.objects.get(code="LF-DE").periods.update(told_at=timezone.now())
    assert "Tryton" not in row_of(months(firm.anna), "LF-DE", month)


def surge(person: Person, **form: Any) -> str:
    month = f"{timezone.now():%Y-%m}"
    wanted = {"of": f"LF-UK {month}", "hours": "2", "reason": "The auditors come early"} | form
    return browser(person).post("/surges/", wanted, follow=True).content.decode()


def test_a_controller_begins_and_ends_a_surge_with_a_reason(firm: Firm) -> None:
    page = surge(firm.callum)
    (one,) = Surge.objects.all()
    assert one.by == firm.callum
    assert one.ends_at - one.began_at == timedelta(hours=2)
    assert "The auditors come early" in page
    month = one.month
    assert "goes first" in row_of(months(firm.anna), "LF-UK", month)
    Feed.objects.filter(system__slug="certinia").update(every_seconds=30)
    assert "10 s" in browser(firm.anna).get("/systems/certinia/").content.decode()
    browser(firm.callum).post(f"/surges/{one.pk}/ends/", {"reason": "They went home"})
    one.refresh_from_db()
    assert (one.ended_by, one.end_reason) == (firm.callum, "They went home")
    assert "goes first" not in row_of(months(firm.anna), "LF-UK", month)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"hours": "0"}, "Choose a company"),
        ({"hours": "121"}, "Choose a company"),
        ({"reason": ""}, "Choose a company"),
        ({"of": "LF-DE 2026-11"}, "Choose a company"),
        ({"of": "LF-UK 1999-01"}, "Choose a company"),
    ],
    ids=str,
)
def test_what_makes_no_sense_begins_nothing(firm: Firm, form: dict[str, str], words: str) -> None:
    assert words in surge(firm.callum, **form)
    assert not Surge.objects.exists()


def test_who_may_not_is_told_who_may(firm: Firm) -> None:
    assert "Only the finance controller" in surge(firm.otto)
    assert not Surge.objects.exists()
    assert "Begin a surge" not in browser(firm.otto).get("/systems/").content.decode()
    assert "Begin a surge" in browser(firm.anna).get("/systems/").content.decode()


def test_programs_read_the_same(firm: Firm) -> None:
    stuck = firm.bill(firm.deal(), {"draft": factories.refused()})
    firm.gathering(firm.deal())
    found = Client().get("/api/v1/months?entity=LF-DE", headers=token(firm.anna)).json()
    (line,) = [one for one in found if one["month"] == stuck.month]
    assert (line["entity"], line["told_by"]) == ("LF-DE", "")
    assert line["standing"] in {"open", "closing"}
    assert line["open_work"]["count"] == 2
    assert line["moved_by"]["person"]["value"] == {"amount": "7200.00", "currency": "EUR"}
    assert set(line["moved_by"]) == {"person", "run"}
    mine = Client().get("/api/v1/months", headers=token(firm.callum)).json()
    assert {one["entity"] for one in mine} == {"LF-UK"}
