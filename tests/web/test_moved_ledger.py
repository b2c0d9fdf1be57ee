"""The sandbox firm's British sales ledger: in a cloud ERP, where nothing was begun elsewhere."""

from __future__ import annotations

import pytest
from django.utils import timezone

from controltower.firm.models import LegalEntity
from controltower.systems.models import Route
from controltower.systems.routing import Part
from controltower.transactions.world import world
from controltower.web.demo import coexistence
from controltower.web.demo.surroundings import connect_systems
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(monkeypatch: pytest.MonkeyPatch) -> factories.Firm:
    """A firm beside which a Business Central runs."""
    firm = factories.found()
    monkeypatch.setenv("SANDBOX_BUSINESS_CENTRAL_URL", "http://127.0.0.1:9")
    connect_systems(firm.now)
    return firm


def books_of(company: str, record: str) -> str:
    """Which ERP takes a company's records today."""
    entity = LegalEntity.objects.get(code=company)
    part = Part("erp", entity.pk, record, timezone.now().date())
    system = world().playing(part, ())
    return system.slug if system else ""


def test_what_it_sells_is_booked_in_the_new_erp_and_what_it_buys_in_the_old(
    firm: factories.Firm,
) -> None:
    coexistence.move_sales_ledger(firm.now)
    coexistence.move_sales_ledger(firm.now)
    moved = {books_of("LF-UK", record) for record in coexistence.MOVED}
    assert moved == {"business_central"}
    assert books_of("LF-UK", "supplier_invoice") == "tryton"
    assert {books_of(company, "invoice") for company in ("LF-DE", "LF-US")} == {"tryton"}
    assert ("business_central", "invoice") in {
        (system.slug, record) for pk, record in world().feeds for system in [world().systems[pk]]
    }


def test_a_firm_that_is_at_work_keeps_its_books_where_they_are(firm: factories.Firm) -> None:
    firm.deal()
    coexistence.move_sales_ledger(firm.now)
    assert not Route.objects.filter(system__slug="business_central").exists()
    assert books_of("LF-UK", "invoice") == "tryton"
