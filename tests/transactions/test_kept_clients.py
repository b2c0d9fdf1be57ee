"""Which PSAs a changed client is told to: those that keep it."""

from __future__ import annotations

import pytest

from controltower.systems.models import System
from controltower.transactions import books, cases
from controltower.transactions.models import Transaction
from tests import factories
from tests.factories import Firm

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    return factories.found()


def beside() -> System:
    """A second PSA, in an account of its own."""
    return System.objects.create(
        slug="kantata",
        title="Kantata OX",
        domain="PSA",
        role="psa",
        connector="kantata",
        connection="kantata",
        base_url="http://127.0.0.1:9",
    )


def told(firm: Firm, deal: Transaction) -> list[str]:
    """Whom a change of the deal's client goes to."""
    with cases.case_of(deal, now=firm.now) as case:
        client = str(deal.subject["customer_id"])
        return [system.slug for system in books._keeping(client, case)]


def test_one_that_shares_the_crms_records_always_keeps_a_client(firm: Firm) -> None:
    deal = firm.deal()
    beside()
    assert told(firm, deal) == ["certinia"]
    System.objects.filter(slug="certinia").update(active=False)
    assert told(firm, Transaction.objects.get(pk=deal.pk)) == []


def test_another_keeps_it_once_a_project_of_the_client_is_there(firm: Firm) -> None:
    deal, other = firm.deal(), firm.deal()
    deal.steps.filter(name="project").update(system=beside())
    assert told(firm, deal) == ["certinia", "kantata"]
    assert told(firm, other) == ["certinia"]
