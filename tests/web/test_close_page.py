"""The signals of a month's end on the Tower, and surges on the Health page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.firm.models import LegalEntity, Person, Surge
from controltower.incidents.models import DeadLetter, LetterState, Resolution
from controltower.measures import closing
from controltower.measures.exposure import Scope
from controltower.systems.models import Feed
from controltower.web import closing as page_of_months
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


def test_the_page_says_first_what_needs_someone_and_how_many(firm: Firm) -> None:
    def page() -> str:
        return unescape(browser(firm.anna).get("/processes/month-end-close/").content.decode())

    firm.gathering(firm.deal())
    assert "Not done yet: 1, none of which needs someone." in page()
    assert "1 waits for its billing run" in page()
    factories.stuck_bills(firm, 2)
    assert "Not done yet: 3, of which 2 need someone, €" in page()
    assert "2 need someone" in page()


MOVE = re.compile(r'<a class="tone is-[a-z]+" href="(/tx/[^"]+)">(\d+) ')
BLOCKER = re.compile(r'<a href="(/tx/[^"]+)">(\d+)</a> <b class="number">([^<]+)</b>')


def busy(firm: Firm) -> None:
    """Work of two companies: posted, refused, held by a closed month, still gathering."""
    deal = firm.deal()
    firm.bill(deal)
    firm.bill(firm.deal(), {"draft": factories.refused()}, amount=Decimal("3600.55"))
    firm.bill(firm.deal(), {"post": factories.closed()})
    firm.bill(firm.deal(entity="LF-UK", currency="GBP"), {"draft": factories.refused()})
    firm.gathering(deal)


@pytest.mark.parametrize("who", ["anna", "callum"])
def test_every_figure_of_a_month_is_its_list_in_count_and_money(firm: Firm, who: str) -> None:
    busy(firm)
    client = browser(getattr(firm, who))
    page = client.get("/tower/close/").content.decode()
    moves, blockers = MOVE.findall(page), BLOCKER.findall(page)
    assert moves
    assert blockers
    for url, count in moves:
        listed = client.get(unescape(url))
        assert listed.content.decode().count("data-row") == int(count), url
    for url, count, value in blockers:
        text = unescape(client.get(unescape(url)).content.decode())
        assert text.count("data-row") == int(count), url
        assert f"All matching: {unescape(value)}" in text, url


def test_what_moves_a_month_adds_up_to_what_is_not_done(firm: Firm) -> None:
    busy(firm)
    client = browser(firm.anna)
    for line in closing.lines(Scope(firm.anna), firm.now):
        for by, stake in line.moved_by.items():
            query = f"moved_by={by}&entity={line.entity.code}&month={line.close.month}"
            total = client.get(f"/tx/?{query}").context["total"]
            assert total.amount == stake.amount, query
        amounts = [stake.amount for stake in line.moved_by.values()]
        assert sum(amounts, Decimal(0)) == line.held.amount


def test_what_blocks_most_money_comes_first(firm: Firm) -> None:
    busy(firm)
    found = closing.blockers(Scope(firm.anna), 10)
    amounts = [one.stake.amount for one in found]
    assert len(amounts) >= 3
    assert amounts == sorted(amounts, reverse=True)
    assert len(closing.blockers(Scope(firm.anna), 1)) == 1
    assert {one.entity for one in closing.blockers(Scope(firm.callum), 10)} == {"LF-UK"}


def test_the_next_cut_off_is_counted_down_to(firm: Firm) -> None:
    ahead = [
        line.close.cut_off
        for line in closing.lines(Scope(firm.anna), firm.now)
        if line.close.cut_off > firm.now
    ]
    page = months(firm.anna)
    assert "to the cut-off of" in page
    assert min(ahead).isoformat() in page
    assert "Nothing that belongs to a month is stuck." in page


def test_the_close_is_foretold_by_how_long_it_mostly_takes(firm: Firm) -> None:
    now, bills = timezone.now(), factories.stuck_bills(firm, 7)
    coming = {
        "entities": ["LF-DE"], "month": bills[0].month, "cut_off": now + timedelta(days=10),
    }  # fmt: skip
    solved = DeadLetter.objects.filter(transaction__in=bills[:5])

    def foretold(took: timedelta | None = None, person: Person = firm.anna) -> str:
        if took is not None:
            solved.update(
                state=LetterState.RESOLVED, resolution=Resolution.REPLAYED,
                opened_at=now - took, resolved_at=now,
            )  # fmt: skip
        found = page_of_months.foretold(Scope(person), coming, now)
        return found.words if found else ""

    assert foretold().startswith("Too little was solved")
    within = foretold(timedelta(hours=2))
    assert "(within 2 h)" in within and within.endswith("before the cut-off.")
    assert foretold(timedelta(days=60)).endswith("after the cut-off.")
    DeadLetter.objects.open().update(opened_at=now - timedelta(hours=1))
    assert foretold(timedelta(seconds=1)).endswith("has taken longer.")
    assert foretold(person=firm.callum) == ""
    DeadLetter.objects.open().delete()
    assert foretold() == ""


def test_the_books_of_a_month_are_cut_at_its_cut_off(firm: Firm) -> None:
    busy(firm)
    booked = closing.booked(closing.lines(Scope(firm.anna), firm.now))
    assert [(of.before, of.after) for _line, of in booked if of.before or of.after] == [(1, 0)]
    posted = next(line for line, of in booked if of.before)
    early = replace(posted, close=replace(posted.close, cut_off=firm.now - timedelta(days=3)))
    ((_line, late),) = closing.booked([early])
    assert (late.before, late.after) == (0, 1)
    page = browser(firm.callum).get("/processes/month-end-close/").content.decode()
    assert "Booked by the cut-off" in page
    assert "LF-DE" not in page


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
