"""Every number that opens a list is that list's length, and its money is the list's to the cent:
on every page, for who sees all companies, for one of them, and for who sees one."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urljoin

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from controltower.firm.models import Person
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.transactions.models import Transaction
from controltower.web import every_page, formats, scope
from controltower.web.demo.interfaces import own_interfaces
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser

LINK = re.compile(r'<a [^>]*\bhref="([^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
HIDDEN = re.compile(r'<svg.*?</svg>|<span class="unseen">.*?</span>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")
COUNTS = (
    re.compile(r"^([\d,]+)(?! ?%)(?: [a-z][a-z ]+)?$"),
    re.compile(r"^(?:The|the latest) ([\d,]+)(?: records? behind it)?$"),
    re.compile(r"^(?:All|Open|Unowned|Not used|Exceptions|Incidents) ([\d,]+)$"),
)
STAGE = re.compile(r": ([\d,]+) moving, [^;]*; ([\d,]+) stuck,")
MONEY = re.compile(r"[€£$][\d,.]+[KM]?")
ROWS = {"/interfaces/": 'id="interface-'}
LISTS = {"/tx/", "/exceptions/", "/incidents/", "/interfaces/", "/jobs/"}
SCOPES = [("anna", "LF-UK"), ("priya", "LF-DE"), ("callum", "")]


class Said(NamedTuple):
    """A figure on a page, and the list that it opens."""

    page: str
    words: str
    address: str
    rows: int | None
    money: str


def work(made: Firm) -> None:
    """Two companies with deals and invoices: done, late, refused, held by a closed period."""
    deal = made.deal()
    made.bill(deal)
    made.bill(made.deal(), {"draft": factories.refused()}, amount=Decimal("3600.55"))
    made.bill(made.deal(entity="LF-UK", currency="GBP"), {"draft": factories.refused()})
    made.bill(made.deal(entity="LF-UK", currency="GBP"), {"post": factories.closed()})
    made.deal(answers={"project": factories.refused("The template is not known.")})
    late = made.deal(entity="LF-UK", currency="GBP")
    Transaction.objects.filter(pk=late.pk).update(due_at=F("ended_at") - timedelta(minutes=1))
    waits = made.gathering(deal)
    Transaction.objects.filter(pk=waits.pk).update(wait_until=made.now + timedelta(days=1))
    own_interfaces(timezone.now())


pytestmark = [pytest.mark.django_db, pytest.mark.founded(then=work)]


def visitor(person: Person, entity: str) -> Client:
    """Signed in, with a legal entity chosen in the top bar."""
    client = browser(person)
    session = client.session
    session[scope.KEY] = entity
    session.save()
    return client


def test_every_figure_is_what_the_list_it_opens_holds(firm: Firm) -> None:
    pages = [page.url for page in every_page.pages(firm.anna) if not page.export]
    found, wrong = _compared(visitor(firm.anna, ""), pages)
    assert wrong == []
    assert len({said.address for said in found}) > 60
    assert sum(bool(said.money) for said in found) > 10
    telling = {said.page for said in found}
    assert len(telling) > 20
    for who, entity in SCOPES:
        found, wrong = _compared(visitor(getattr(firm, who), entity), telling)
        assert wrong == [], (who, entity)
        assert len(found) > 20, (who, entity)


def _compared(client: Client, pages: Iterable[str]) -> tuple[list[Said], list[str]]:
    """What the pages say, and what of it their lists do not hold. A list that is one of the pages
    is asked for once."""
    answers = {page: client.get(page) for page in pages}
    found = [said for page, answer in answers.items() for said in _figures(page, answer)]
    lists = {said.address for said in found}
    answers |= {address: client.get(address) for address in lists - answers.keys()}
    wrong = [
        f"{said.page} says {said.words}: {said.address} holds {held}"
        for said in found
        for held in [_held(said, answers[said.address])]
        if held is not None
    ]
    return found, wrong


def _figures(page: str, answer: Any) -> Iterator[Said]:
    """What a page says of lists; the rail around it, which is the same everywhere, on one page."""
    text = answer.content.decode()
    own = text if page == "/" else text.partition("<main")[2] or text
    for href, inner in LINK.findall(own):
        address = urljoin(page, html.unescape(href))
        if address.partition("?")[0] not in LISTS:
            continue
        words = " ".join(html.unescape(TAG.sub(" ", HIDDEN.sub(" ", inner))).split())
        rows = _counted(words)
        money = MONEY.search(words) if not STAGE.search(words) else None
        if rows is not None or money:
            yield Said(page, words, address, rows, money[0] if money else "")


def _counted(words: str) -> int | None:
    """How many rows the words promise; of a stage, what moves in it and what is stuck."""
    if stage := STAGE.search(words):
        return sum(int(part.replace(",", "")) for part in stage.groups())
    found = next(filter(None, (form.match(words) for form in COUNTS)), None)
    return int(found[1].replace(",", "")) if found else None


def _held(said: Said, answer: Any) -> str | None:
    """What the list holds instead of what was said of it."""
    rows = answer.content.decode().count(ROWS.get(said.address.partition("?")[0], "data-row"))
    if said.rows is not None and rows != said.rows:
        return f"{rows} rows"
    total = answer.context["total"] if said.money else None
    if total is not None and said.money not in (formats.compact(total), formats.money(total)):
        return str(total)
    return None


@pytest.mark.parametrize(("who", "entity"), [("anna", ""), *SCOPES])
def test_what_is_stuck_is_the_same_money_everywhere(firm: Firm, who: str, entity: str) -> None:
    person = getattr(firm, who)
    client = visitor(person, entity)
    listed = _context(client, "/tx/?stuck=1")["total"].amount
    whole = exposure.stake(exposure.stuck(Scope(person, entity)))
    assert listed == whole.amount
    assert _context(client, "/processes/")["total"]["value"].amount == listed
    assert _context(client, "/exceptions/")["total"].value.amount == listed
    lines = _context(client, "/processes/")["processes"]
    for line in lines:
        own = _context(client, line["stuck_url"])["total"]
        assert line["value"].amount == own.amount, line["process"]
    assert sum(line["value"].amount for line in lines) == listed


def _context(client: Client, address: str) -> Any:
    return client.get(address).context
