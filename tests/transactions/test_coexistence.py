"""Two ERPs beside each other, and records that must stay in their region."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controltower.canonical.verdicts import Kind
from controltower.firm.models import LegalEntity
from controltower.systems.models import Route, System
from controltower.transactions import cases, engine
from controltower.transactions.models import Attempt, Step
from controltower.transactions.protocol import Purpose, State
from tests.factories import Firm

pytestmark = pytest.mark.django_db


@pytest.fixture
def other() -> System:
    """A second ERP, of the same kind."""
    erp = System.objects.get(role="erp")
    erp.pk, erp.slug, erp.title, erp.connection = None, "new-erp", "The new ERP", "new-erp"
    erp.save()
    return erp


def _erp_of(step: Step) -> str:
    assert step.system is not None
    return step.system.slug


def test_two_erps_without_a_route_need_a_person(firm: Firm, other: System) -> None:
    deal = firm.deal()
    step = deal.steps.get(name="customer")
    assert (step.state, step.kind) == (State.PARKED, Kind.CONTRACT)
    assert "Tryton ERP" in step.text
    assert other.title in step.text
    assert not Attempt.objects.filter(step=step).exists()

    Route.objects.create(role="erp", system=other, starts_on=firm.now.date())
    with cases.case_of(deal, now=firm.now) as case:
        engine.reconsider(case, why="a route was made")
    assert firm.play(deal).state == "verified"
    assert _erp_of(deal.steps.get(name="customer")) == "new-erp"


def test_a_cut_over_moves_what_begins_from_its_day_on(firm: Firm, other: System) -> None:
    old, germany = System.objects.get(slug="tryton"), LegalEntity.objects.get(code="LF-DE")
    today = firm.now.date()
    Route.objects.create(role="erp", system=old, starts_on=today - timedelta(days=900))
    before = firm.deal()
    moved = Route.objects.create(role="erp", company=germany, system=other, starts_on=today)
    begun = firm.tell(firm.opportunity())
    moved.delete()
    after = firm.play(begun)
    elsewhere = firm.deal(entity="LF-UK", currency="GBP")
    erps = [_erp_of(one.steps.get(name="customer")) for one in (before, after, elsewhere)]
    assert erps == ["tryton", "new-erp", "tryton"]


def test_a_record_that_must_stay_is_sent_nowhere_else(firm: Firm) -> None:
    LegalEntity.objects.filter(code="LF-DE").update(residency="EU")
    System.objects.exclude(role="erp").update(region="EU")
    deal = firm.deal()
    step = deal.steps.get(name="customer")
    assert (step.state, step.kind) == (State.PARKED, Kind.PERMISSION)
    assert "may not leave EU" in step.text
    assert "no region on record" in step.text
    assert not Attempt.objects.filter(step=step, purpose=Purpose.SEND).exists()

    System.objects.filter(role="erp").update(region="EU")
    with cases.case_of(deal, now=firm.now) as case:
        engine.again(case, case.step("customer"), why="its region is known")
        engine.advance(case)
    assert firm.play(deal).state == "verified"
