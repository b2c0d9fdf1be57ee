"""Whoever signs in begins where their role has its work, or where they chose to."""

from __future__ import annotations

import pytest
from django.test import Client

from controltower.firm.models import Duty, LegalEntity, Role
from controltower.systems.models import Feed, Route, System
from tests.factories import Firm
from tests.web.cast import PASSWORD, person

pytestmark = pytest.mark.django_db
BEGINS = {
    Role.CONTROLLER: "/",
    Role.PMO_LEAD: "/processes/opportunity-to-project/",
    Role.OPERATOR: "/exceptions/",
    Role.STEWARD: "/mappings/",
    Role.AUDITOR: "/manage/audit/",
    Role.ADMINISTRATOR: "/manage/",
}


def lands(name: str, **asked: str) -> str:
    words = {"username": name, "password": PASSWORD, **asked}
    return str(Client().post("/sign-in/", words)["Location"])


@pytest.mark.parametrize("role", Role.values)
def test_each_role_begins_at_its_own_page_and_may_see_it(firm: Firm, role: str) -> None:
    person("alice", Role(role))
    client = Client()
    answer = client.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert answer["Location"] == BEGINS[Role(role)]
    assert client.get(answer["Location"]).status_code == 200


def test_what_somebody_asked_for_or_chose_goes_before(firm: Firm) -> None:
    alice = person("alice", Role.OPERATOR)
    assert lands("alice", next="/systems/") == "/systems/"
    assert lands("alice", next="/") == "/exceptions/", "the front page is what nobody asked for"
    alice.lands_on = "measures"
    alice.save()
    assert lands("alice") == "/measures/"


def test_several_roles_and_roles_of_one_company(firm: Firm) -> None:
    alice = person("alice", Role.OPERATOR)
    Duty.objects.create(person=alice, role=Role.CONTROLLER)
    assert lands("alice") == "/"
    bob = person("bob", Role.ADMINISTRATOR, "LF-UK")
    assert LegalEntity.objects.filter(code="LF-UK").exists() and bob.duties.count() == 1
    assert lands("bob") == "/", "Admin is for the whole firm"


def test_until_a_system_is_connected_the_tower_says_what_comes_first(firm: Firm) -> None:
    Feed.objects.all().delete()
    Route.objects.all().delete()
    System.objects.all().delete()
    alice = person("alice", Role.OPERATOR)
    assert lands("alice") == "/"
    alice.lands_on = "measures"
    alice.save()
    assert lands("alice") == "/measures/"
