"""The umbrella: a deal goes to cash under one correlation id, and a lost event is missed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from controltower.incidents import letters
from controltower.incidents.models import DeadLetter
from controltower.systems.models import Feed, System
from controltower.transactions import watching
from controltower.transactions.models import Expectation, Transaction, TransactionState
from tests.journeys.tower import Tower
from tests.web.cast import browser
from tests.web.conftest import PLAIN
from tests.web.doorway import post
from tests.web.partner import SECRET, encoded

VERIFIED = TransactionState.VERIFIED
LATER = timedelta(days=60)


@pytest.fixture(autouse=True)
def clm(tower: Tower, settings: Settings) -> System:
    """A repository of contracts that tells of signatures by signed webhooks."""
    settings.INBOUND_SECRETS = {"partner": [SECRET]}
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN}}
    return System.objects.create(
        slug="contracts",
        title="Contracts",
        domain="CLM",
        role="clm",
        connector="salesforce",
        connection="partner",
        base_url="http://127.0.0.1:9",
    )


def sign(opportunity: str, **changes: Any) -> None:
    """The CLM tells that the contract of a deal is signed."""
    contract = {
        "source_id": f"ENV-{opportunity}",
        "name": "Harbour review",
        "opportunity_id": opportunity,
        "entity": "LF-DE",
        "customer_name": "Silbermann Logistik",
        "currency": "EUR",
        "value": "48200.00",
    }
    event = {
        "specversion": "1.0",
        "id": f"signed-{opportunity}",
        "type": "contract.signed",
        "source": "/partner/clm",
        "time": timezone.now().isoformat(),
        "data": contract | changes,
    }
    assert post(encoded(event)).status_code == 202


def later(tower: Tower) -> None:
    """Two months on, everything looked at as it is today."""
    watching.watch(now=timezone.now() + LATER)
    letters.catch_up(now=timezone.now())


def points(tower: Tower, one: Transaction) -> str:
    """The milestones on the chain's page, as text."""
    page = browser(tower.person("anna.lindqvist")).get(f"/tx/{one.correlation_id}/")
    text = page.content.decode()
    start = text.index('<ol class="milestones">')
    return text[start : text.index("</ol>", start)]


def test_a_deal_goes_all_the_way_to_cash_under_one_correlation_id(tower: Tower) -> None:
    """With the ERP down when the client pays."""
    deal = tower.set_up()
    sign(str(deal.subject["source_id"]))
    billing = tower.until(tower.billing_of(tower.approve_time(deal, hours="36.5")), VERIFIED)
    assert billing.correlation_id == deal.correlation_id
    cash = Expectation.objects.get(milestone="cash-applied", about=billing.reference)
    assert cash.due_at is not None
    assert "Cash applied" in points(tower, billing)
    (invoice,) = tower.erp.invoices(billing.reference)
    tower.erp.control.do("pay_invoice", number=invoice["number"])
    tower.stand_through(tower.erp.control, "tryton")

    def paid() -> bool:
        tower.impatient()
        cash.refresh_from_db()
        return cash.met_at is not None

    tower.play(paid)
    assert cash.met_by_event is not None
    assert cash.met_by_event.type == "invoice.paid"
    assert Decimal(cash.met_by_event.record["total"]) == Decimal(invoice["total"])
    rows = Expectation.objects.filter(correlation_id=deal.correlation_id)
    assert {row.milestone for row in rows if row.met_at} == {
        "contract-signed",
        "project-set-up",
        "time-approved",
        "cash-applied",
    }
    shown = points(tower, billing)
    assert shown.count("is-done") == 6
    assert shown.count("is-untold") == 1, "nobody tells the demo firm who is on a project"


def test_an_unpaid_invoice_needs_the_controller_and_ends_when_cash_comes(tower: Tower) -> None:
    deal = tower.set_up()
    sign(str(deal.subject["source_id"]))
    billing = tower.until(tower.billing_of(tower.approve_time(deal, hours="8")), VERIFIED)
    tower.play(lambda: not Transaction.objects.live().exists())
    later(tower)
    absence = Transaction.objects.get(process="quote-to-cash")
    assert (absence.correlation_id, absence.amount) == (deal.correlation_id, billing.amount)
    letter = DeadLetter.objects.select_related("cause").get(transaction=absence)
    assert letter.cause.owner_role == "controller"
    (invoice,) = tower.erp.invoices(billing.reference)
    tower.erp.control.do("pay_invoice", number=invoice["number"])

    def over() -> bool:
        tower.impatient()
        watching.watch(now=timezone.now())
        absence.refresh_from_db()
        return absence.state == VERIFIED

    tower.play(over)


def test_the_lost_news_of_a_won_deal_is_missed_and_found(tower: Tower) -> None:
    """The contract is signed, but the CRM's news of the deal never comes."""
    deals = Feed.objects.filter(entity="opportunity")
    deals.update(due_at=timezone.now() + LATER)
    opportunity = tower.win()
    sign(opportunity)
    tower.play(lambda: Expectation.objects.filter(milestone="project-set-up").exists())
    later(tower)
    absence = Transaction.objects.get(process="quote-to-cash")
    assert str(absence.amount) == "48200.0000"
    assert absence.counterparty == "Silbermann Logistik"
    assert "Overdue" in points(tower, absence)
    deals.update(due_at=timezone.now())
    deal = tower.of("opportunity", opportunity, "opportunity-to-project")
    tower.until(deal, VERIFIED)
    assert deal.correlation_id == absence.correlation_id
    watching.watch(now=timezone.now())
    absence.refresh_from_db()
    assert absence.state == VERIFIED
