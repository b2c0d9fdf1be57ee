"""How far a chain has come, on its page; and the page of what is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from controltower.incidents import letters
from controltower.incidents.models import Settlement
from controltower.transactions import watching
from controltower.transactions.models import Transaction
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def absence(firm: Firm) -> Transaction:
    """No work was approved on a project for two months."""
    firm.deal()
    watching.watch(now=timezone.now() + timedelta(days=60))
    letters.catch_up(now=timezone.now())
    return Transaction.objects.get(process="quote-to-cash")


def _page(firm: Firm, one: Transaction) -> str:
    return browser(firm.anna).get(f"/tx/{one.correlation_id}/").content.decode()


def test_a_chain_shows_what_is_done_expected_and_ahead(firm: Firm) -> None:
    deal = firm.deal()
    page = _page(firm, deal)
    assert "Deal to cash" in page
    assert page.count('class="milestone is-done"') == 2
    assert page.count('class="milestone is-expected"') == 1
    firm.bill(deal)
    firm.bill(deal, {"draft": factories.refused()})
    page = _page(firm, deal)
    assert page.count('class="milestone is-done"') == 3
    assert "1/2" in page, "one of two invoices is posted"


def test_what_is_missing_offers_what_helps(firm: Firm, absence: Transaction) -> None:
    page = _page(firm, absence)
    assert "No work has been approved on the project." in page
    assert "It ends by itself when that arrives" in page
    assert 'class="milestone is-overdue"' in page
    assert "Settled elsewhere" in page
    assert "Make the plan" not in page, "there is nothing to replay"
    assert "Has been missing" in page


def test_its_group_says_what_it_is(firm: Firm, absence: Transaction) -> None:
    cause = firm.cause(absence)
    page = browser(firm.anna).get(f"/exceptions/{cause.pk}/").content.decode()
    assert "1 chain should have come this far by now and has not." in page
    page = browser(firm.anna).get("/tower/triage/").content.decode()
    assert "1 chain" in page
    assert ">Assign<" in page or ">Look into it<" in page


def test_what_has_arrived_or_was_waived_says_so(firm: Firm, absence: Transaction) -> None:
    url = f"/tx/{absence.correlation_id}/solutions/?part={absence.reference}"
    browser(firm.otto).post(url, {"how": "write_off", "reason": "The project was called off."})
    decisions = f"/settlements/{Settlement.objects.get().pk}/decisions/"
    browser(firm.anna).post(decisions, {"agree": "yes"})
    absence.refresh_from_db()
    assert absence.state == "written_off"
    watching.watch(now=timezone.now())
    page = _page(firm, absence)
    assert 'class="milestone is-waived"' in page
    assert "It has not arrived." in page
