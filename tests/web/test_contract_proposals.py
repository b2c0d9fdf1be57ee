"""A proposed contract on its pages: its author takes it back, others decide, and what never was in
force changes nothing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from controltower.incidents import asking
from controltower.systems import agreeing
from controltower.systems.models import Agreement, Drift, InterfaceVersion
from tests.factories import Firm, signed_in
from tests.incidents.test_drifting import drifted

pytestmark = pytest.mark.django_db
CHANGES = "of the contract changes"


@pytest.fixture
def drift(firm: Firm) -> Drift:
    """A status that the contract in force does not name."""
    _deal, found = drifted(firm)
    known = {"type": "object", "properties": {"Status__c": {"enum": ["Active", "Closed"]}}}
    agreeing.declare(found.interface, known, note="as read", now=firm.now)
    return found


def proposed(firm: Firm, drift: Drift, meaning: str = "Closed") -> InterfaceVersion:
    return agreeing.propose(drift=drift, stands_for=meaning, note="so", by=firm.lena, now=firm.now)


def page_of(client: Client, drift: Drift) -> str:
    return client.get(reverse("drift", args=[drift.pk])).content.decode()


def test_its_author_withdraws_it_where_others_decide(firm: Firm, drift: Drift) -> None:
    made = proposed(firm, drift)
    address = reverse("contract_withdrawals", args=[made.interface_id, made.number])
    author, other = signed_in(firm.lena), signed_in(firm.anna)
    assert address in page_of(author, drift)
    assert address not in page_of(other, drift)
    assert CHANGES in page_of(other, drift)
    other.post(address)
    made.refresh_from_db()
    assert made.state == Agreement.PROPOSED
    answer = author.post(address, follow=True).content.decode()
    assert "Withdrawn. The contract is as it was." in answer
    assert CHANGES not in answer
    assert reverse("drift_proposals", args=[drift.pk]) in answer
    made.refresh_from_db()
    assert made.state == Agreement.WITHDRAWN
    asking.follow(now=firm.now)
    assert not asking.waiting_for(firm.anna, firm.now)


def test_a_version_is_compared_with_what_was_in_force(firm: Firm, drift: Drift) -> None:
    refused = proposed(firm, drift, "Active")
    agreeing.decide(version=refused, agree=False, by=firm.anna, now=firm.now)
    assert CHANGES not in page_of(signed_in(firm.anna), drift)
    proposed(firm, drift, "Active")
    assert CHANGES in page_of(signed_in(firm.anna), drift)
    address = reverse("interface", args=[drift.interface_id])
    page = signed_in(firm.anna).get(address).content.decode()
    assert "Refused" in page
    assert "No longer in force" not in page
    newest = signed_in(firm.anna).get(f"{address}?v=3").context
    assert newest["before"].number == 1
    refused_page = signed_in(firm.anna).get(f"{address}?v=2").content.decode()
    assert refused_page.count("Refused") == 2, "beside the contract, and in the list of versions"
