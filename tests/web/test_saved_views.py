"""Saved views: a list under a name, whose number is that of the list it opens for each reader."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controltower.firm.models import AuditEntry, Duty, LegalEntity, Person, Role
from controltower.transactions import interfaces
from controltower.web.models import SavedView
from tests import factories
from tests.factories import Firm, signed_in
from tests.web.cast import token

pytestmark = pytest.mark.django_db


def save(
    person: Person, name: str, page: str = "transactions", query: str = "", **more: Any
) -> Any:
    fields = {"name": name, "page": page, "query": query} | more
    return signed_in(person).post("/views/", fields, follow=True)


def numbers(person: Person, page: str) -> dict[str, tuple[str, int]]:
    """Each view of a list by its name: its address and its count."""
    answer = signed_in(person).get("/views/", {"page": page})
    return {
        line.view.name: (line.url, line.rows.count) for line in answer.context["views"]["lines"]
    }


def listed(person: Person, url: str) -> int:
    """How many rows a list has."""
    context = signed_in(person).get(url).context
    if "groups" in context:
        return len(context["groups"])
    return len(context["lines"]) if "lines" in context else int(context["page"].total)


def test_a_view_counts_what_it_opens_for_each_of_its_readers(firm: Firm) -> None:
    factories.stuck_bills(firm, 3)
    firm.deal(entity="LF-UK", currency="GBP")
    save(firm.anna, "Stuck", query="state=stuck&sort=largest&after=7", shared="on")
    save(firm.anna, "Everything", shared="on")
    save(firm.anna, "No owner", page="exceptions", query="tab=unowned", shared="on")
    save(firm.anna, "To review", page="incidents", query="tab=to_review", shared="on")
    for person in (firm.anna, firm.callum):
        for page in ("transactions", "exceptions", "incidents"):
            found = numbers(person, page)
            assert found
            assert all(listed(person, url) == count for url, count in found.values())
    assert numbers(firm.anna, "transactions")["Stuck"] == ("/tx/?sort=largest&state=stuck", 3)
    assert numbers(firm.anna, "transactions")["Everything"][1] > 4
    assert numbers(firm.callum, "transactions")["Everything"][1] == 1
    assert numbers(firm.callum, "transactions")["Stuck"][1] == 0


def test_views_of_interfaces_and_of_the_audit_count_what_they_open(firm: Firm) -> None:
    interfaces.count(now=firm.now)
    interfaces.follow(now=firm.now + timedelta(minutes=20))
    save(firm.amara, "Registry", page="interfaces")
    save(firm.amara, "Unowned", page="interfaces", query="show=unowned")
    save(firm.amara, "Kept", page="manage_audit", query="verb=keep view")
    client = signed_in(firm.amara)
    found = {**numbers(firm.amara, "interfaces"), **numbers(firm.amara, "manage_audit")}
    assert set(found) == {"Registry", "Unowned", "Kept"}
    for name, (url, count) in found.items():
        text = client.get(url).content.decode()
        assert count == len(re.findall(r'<tr id="(?:interface|entry)-', text)) > 0, name
        assert name in text


def test_the_audit_is_not_counted_for_who_may_not_read_it(firm: Firm) -> None:
    save(firm.callum, "Everything", page="manage_audit")
    assert numbers(firm.callum, "manage_audit")["Everything"][1] is None


def test_a_filter_that_makes_no_sense_to_a_reader_shows_nothing(firm: Firm) -> None:
    firm.deal(entity="LF-DE")
    save(firm.anna, "German", query="entity=LF-DE", shared="on")
    assert numbers(firm.anna, "transactions")["German"][1] == 1
    assert numbers(firm.callum, "transactions")["German"][1] == 0


def test_a_view_is_ones_own_until_it_is_shared_which_needs_a_right(firm: Firm) -> None:
    save(firm.anna, "Mine")
    assert "Mine" not in numbers(firm.otto, "transactions")
    auditor = firm.jonas
    answer = save(auditor, "Ours", shared="on")
    assert "Nothing was changed" in answer.content.decode()
    assert not SavedView.objects.filter(owner=auditor).exists()
    assert AuditEntry.objects.filter(verb="share view", allowed=False).count() == 1
    save(auditor, "Ours")
    assert numbers(auditor, "transactions").keys() == {"Ours"}


def test_what_is_shared_stays_among_those_who_have_a_company_in_common(firm: Firm) -> None:
    save(firm.callum, "Of the British", shared="on")
    save(firm.anna, "Of the whole firm", shared="on")
    abroad = Person.objects.create(username="abroad")
    Duty.objects.create(
        person=abroad, role=Role.OPERATOR, entity=LegalEntity.objects.get(code="LF-DE")
    )
    assert numbers(firm.anna, "transactions").keys() == {"Of the British", "Of the whole firm"}
    assert numbers(abroad, "transactions").keys() == {"Of the whole firm"}


def test_the_list_marks_the_view_that_it_shows_and_offers_to_change_it(firm: Firm) -> None:
    answer = save(firm.anna, "Late", query="lateness=late&sort=")
    assert answer.redirect_chain[-1][0] == "/tx/?lateness=late"
    assert re.search(r'aria-current="page">.*Late', answer.content.decode())
    view = SavedView.objects.get()
    change = reverse("view_changes", args=[view.pk])
    signed_in(firm.anna).post(change, {"name": "Too late", "shared": "on"})
    assert signed_in(firm.otto).post(change, {"name": "Otto's"}).status_code == 302
    view.refresh_from_db()
    assert (view.name, view.shared) == ("Too late", True)
    save(firm.anna, "Other")
    signed_in(firm.anna).post(change, {"name": "Other"})
    view.refresh_from_db()
    assert view.name == "Too late", "two of one name cannot be told apart"
    noted = AuditEntry.objects.filter(subject=f"view {view.pk}")
    assert [*noted.values_list("verb", "allowed")] == [
        ("keep view", True), ("change view", True), ("change view", False),
    ]  # fmt: skip


def test_a_removed_view_comes_back_with_its_readers(firm: Firm) -> None:
    save(firm.anna, "Late", query="lateness=late", mailed="on")
    view, client = SavedView.objects.get(), signed_in(firm.anna)
    page = client.post(reverse("view_removals", args=[view.pk]), follow=True).content.decode()
    assert numbers(firm.anna, "transactions") == {}
    (form,) = re.findall(r'<form id="undo".*?</form>', page, re.S)
    (action,) = re.findall(r'action="([^"]+)"', form)
    client.post(action)
    assert "Late" in numbers(firm.anna, "transactions")
    assert [*view.readers.all()] == [firm.anna]


def test_who_no_longer_sees_a_view_is_not_mailed_it(firm: Firm) -> None:
    save(firm.anna, "Late", shared="on", mailed="on")
    view = SavedView.objects.get()
    signed_in(firm.otto).post(reverse("view_mails", args=[view.pk]), {"wanted": "1"})
    assert {*view.readers.all()} == {firm.anna, firm.otto}
    signed_in(firm.anna).post(reverse("view_changes", args=[view.pk]), {"name": "Late"})
    assert [*view.readers.all()] == [firm.anna]


def test_over_the_api_they_are_the_same(firm: Firm) -> None:
    deal = firm.deal()
    client = Client(headers=token(firm.otto) | {"Idempotency-Key": "a-view-once"})
    wanted = {"list": "transactions", "query": "state=verified", "name": "Done", "shared": True}
    made = [client.post("/api/v1/views", wanted, "application/json") for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    view = made[0].json()
    assert (view["count"], view["more"], view["owner"]) == (1, False, "otto.brandt")
    assert deal.state == "verified"
    one = f"/api/v1/views/{view['id']}"
    assert client.patch(one, {"mailed": True}, "application/json").json()["mailed"]
    taken = client.post(
        "/api/v1/views", wanted, "application/json", headers={"Idempotency-Key": "once-more"}
    )
    assert (taken.status_code, taken.json()["title"]) == (422, "This view cannot be kept")
    others = Client(headers=token(firm.callum))
    assert [line["count"] for line in others.get("/api/v1/views?list=transactions").json()] == [0]
    assert others.patch(one, {"name": "Mine"}, "application/json").status_code == 403
    assert others.delete(one).status_code == 403
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404
    assert client.post(f"{one}/restorations").json()["name"] == "Done"


@pytest.mark.parametrize("fields", [{"page": "sign_in"}, {"page": "https://elsewhere.example"}])
def test_only_a_list_of_ours_can_be_kept(firm: Firm, fields: dict[str, str]) -> None:
    client = signed_in(firm.anna)
    assert client.post("/views/", {"name": "x", **fields}).status_code == 404
    assert client.get("/views/", fields).status_code == 404
