"""The sandbox firm's British and American sales ledgers: each in a cloud ERP, where nothing was
begun elsewhere."""

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
    """A firm beside which both cloud ERPs run."""
    firm = factories.found()
    for erp in coexistence.LEDGERS.values():
        monkeypatch.setenv(f"SANDBOX_{erp.upper()}_URL", "http://127.0.0.1:9")
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
    coexistence.move_sales_ledgers(firm.now)
    coexistence.move_sales_ledgers(firm.now)
    fed = {(world().systems[pk].slug, record) for pk, record in world().feeds}
    for company, erp in (("LF-UK", "business_central"), ("LF-US", "netsuite")):
        assert {books_of(company, record) for record in coexistence.MOVED} == {erp}
        assert books_of(company, "supplier_invoice") == "tryton"
        assert {(erp, "invoice"), (erp, "customer")} <= fed
    assert books_of("LF-DE", "invoice") == "tryton"


def test_a_firm_that_is_at_work_keeps_its_books_where_they_are(firm: factories.Firm) -> None:
    firm.deal()
    coexistence.move_sales_ledgers(firm.now)
    assert not Route.objects.filter(system__slug__in=coexistence.LEDGERS.values()).exists()
    assert books_of("LF-UK", "invoice") == "tryton"
