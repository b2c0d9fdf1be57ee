"""Every number that opens a list is that list's length, and its money is the list's to the cent:
on the pages that count, for who sees all companies, for one of them, and for who sees one."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from controltower.firm.models import Person
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.processes import opportunity_to_project, time_and_expense_to_billing
from controltower.transactions.models import Transaction
from controltower.web import scope
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser

DEAL, BILLING = opportunity_to_project.PROCESS.name, time_and_expense_to_billing.PROCESS.name
PAGES = (
    "/", "/processes/", f"/processes/{DEAL}/", f"/processes/{BILLING}/", "/measures/",
    "/exceptions/", "/processes/quote-to-cash/", "/processes/month-end-close/",
)  # fmt: skip
COUNT = re.compile(r'<a [^>]*href="(/tx/\?[^"]+)"[^>]*>\s*(?:<b>)?([\d,]+)\b(?![.,%]?\d| ?%)')
SCOPES = [("anna", ""), ("anna", "LF-UK"), ("priya", "LF-DE"), ("callum", "")]


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
    made.gathering(deal)


pytestmark = [pytest.mark.django_db, pytest.mark.founded(then=work)]


def visitor(person: Person, entity: str) -> Client:
    """Signed in, with a legal entity chosen in the top bar."""
    client = browser(person)
    session = client.session
    session[scope.KEY] = entity
    session.save()
    return client


@pytest.mark.parametrize(("who", "entity"), SCOPES)
def test_every_count_is_the_length_of_the_list_it_opens(firm: Firm, who: str, entity: str) -> None:
    client = visitor(getattr(firm, who), entity)
    lengths: dict[str, int] = {}
    wrong, seen = [], 0
    for page, address, said in _counts(client):
        if address not in lengths:
            lengths[address] = client.get(address).content.decode().count("data-row")
        seen += 1
        if lengths[address] != said:
            wrong.append(f"{page} says {said}, {address} lists {lengths[address]}")
    assert wrong == []
    assert seen >= 12


def _counts(client: Client) -> Iterator[tuple[str, str, int]]:
    for page in PAGES:
        text = client.get(page).content.decode()
        for address, said in COUNT.findall(text):
            yield page, html.unescape(address), int(said.replace(",", ""))


@pytest.mark.parametrize(("who", "entity"), SCOPES)
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
