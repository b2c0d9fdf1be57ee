"""Assurance: the rules in words, who sees what is broken, and what becomes of an incident."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from controltower.incidents.models import Incident
from controltower.measures import assurance, invariants
from controltower.measures.models import Check
from controltower.systems.models import System
from controltower.transactions.models import Transaction
from tests.factories import Firm, found, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/assurance/"


@pytest.fixture
def firm() -> Firm:
    return found()


def _show(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


def _break(firm: Firm) -> Transaction:
    bill = firm.bill(firm.deal())
    bill.steps.filter(name="post").update(values={"untaxed": "1.00"})
    assurance.look(now=timezone.now())
    return bill


def _mend(bill: Transaction) -> None:
    bill.steps.filter(name="post").update(values={"untaxed": "7200.00"})
    assurance.look(now=timezone.now())


def test_before_the_first_look_it_says_so(firm: Firm) -> None:
    assert _show(signed_in(firm.otto)).count("Not looked at yet") >= len(invariants.INVARIANTS)


def test_what_holds_and_what_nobody_looks_at_any_more(firm: Firm) -> None:
    firm.bill(firm.deal())
    assurance.look(now=timezone.now())
    page = _show(signed_in(firm.otto))
    assert page.count("Holds") >= len(invariants.INVARIANTS) - 1
    assert "7,200.00" in page
    Check.objects.update(looked_at=timezone.now() - timedelta(minutes=10))
    assert "Not looked at lately" in _show(signed_in(firm.otto))


@pytest.mark.breaks("I3")
def test_what_is_broken_names_records_only_to_who_sees_the_firm(firm: Firm) -> None:
    bill = _break(firm)
    assert bill.reference in _show(signed_in(firm.otto))
    limited = _show(signed_in(firm.callum))
    assert "Broken" in limited
    assert bill.reference not in limited
    assert "7,200.00" not in limited


@pytest.mark.breaks("I3")
def test_the_tower_says_that_an_incident_is_open(firm: Firm) -> None:
    _break(firm)
    assert "Broken: money in equals money out" in signed_in(firm.otto).get("/").content.decode()
    banner = signed_in(firm.otto).get("/assurance/banner/").content.decode()
    assert "held back" in banner


def test_an_incident_is_taken_and_closed_with_a_word(firm: Firm) -> None:
    bill = _break(firm)
    incident, client = Incident.objects.get(), signed_in(firm.otto)
    client.post(f"{PAGE}{incident.pk}/owners/")
    incident.refresh_from_db()
    assert incident.owner == firm.otto
    told = client.post(f"{PAGE}{incident.pk}/closings/", {"reason": "x"}, follow=True)
    assert "does not hold yet" in told.content.decode()
    _mend(bill)
    told = client.post(f"{PAGE}{incident.pk}/closings/", {"reason": ""}, follow=True)
    assert "Say what it was" in told.content.decode()
    told = client.post(f"{PAGE}{incident.pk}/closings/", {"reason": "A test."}, follow=True)
    assert "Closed." in told.content.decode()
    incident.refresh_from_db()
    assert incident.note == "A test."
    assert System.objects.get(slug="tryton").paused_at is not None


def test_who_may_not_pause_systems_may_not_close(firm: Firm) -> None:
    bill = _break(firm)
    _mend(bill)
    incident = Incident.objects.get()
    told = signed_in(firm.jonas).post(
        f"{PAGE}{incident.pk}/closings/", {"reason": "x"}, follow=True
    )
    assert "may do this" in told.content.decode()
    incident.refresh_from_db()
    assert incident.closed_at is None
