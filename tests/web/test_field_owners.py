"""Who owns which field: proposed by one, agreed to by another, and asked for while nobody does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from controltower.firm.models import AuditEntry, Person, PolicyState, PolicyVersion
from controltower.mappings import owning
from controltower.mappings.library.catalogue import OWNERS
from controltower.mappings.models import FieldOwner
from controltower.supervisor.home import REPOSITORY
from controltower.systems.models import System
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db
STREETS = {
    "record": "customer", "names": ["street", "city"], "system": "salesforce",
    "owner": "anna.lindqvist", "steward": "", "reason": "Sales visits them.",
}  # fmt: skip


def said(client: Client, path: str, form: dict[str, Any]) -> str:
    return client.post(path, form, follow=True).content.decode()


def decide(client: Client, answer: str) -> None:
    (version,) = PolicyVersion.objects.filter(state=PolicyState.PROPOSED)
    said(client, f"/manage/decisions/{version.pk}/", {"agree": answer, "answer": "Seen."})


def street() -> FieldOwner:
    return FieldOwner.objects.get(record="customer", field="street")


@pytest.fixture
def firm() -> Firm:
    return factories.found()


@pytest.mark.parametrize("page", ["/mappings/", "/mappings/customer-to-erp/"])
def test_the_fields_are_read_once_for_a_page(page: str, firm: Firm) -> None:
    with patch.object(owning, "fields", wraps=owning.fields) as reading:
        assert browser(firm.lena).get(page).status_code == 200
    assert reading.call_count == 1


def test_fields_change_their_owner_once_a_second_person_has_agreed(firm: Firm) -> None:
    lena, before = browser(firm.lena), street()
    assert before.system_of_record == "tryton"
    assert "second person has agreed" in said(lena, "/mapping-owners/", STREETS)
    assert street().system_of_record == "tryton"
    waits = "Waits for a second person: Street, City: Salesforce, owner Anna Lindqvist"
    assert waits in lena.get("/mappings/").content.decode()
    assert "Owners of fields: customer" in browser(firm.anna).get("/manage/").content.decode()
    decide(browser(firm.anna), "yes")
    after = street()
    assert (after.system_of_record, str(after.owner), after.steward) == (
        "salesforce", "Anna Lindqvist", None,
    )  # fmt: skip
    assert (after.is_money, after.is_personal) == (before.is_money, before.is_personal)
    untouched = FieldOwner.objects.get(record="customer", field="country")
    assert untouched.system_of_record == "tryton"
    assert AuditEntry.objects.filter(subject="owners:customer", allowed=True).count() == 2


def test_a_refused_owner_owns_nothing(firm: Firm) -> None:
    said(browser(firm.lena), "/mapping-owners/", STREETS)
    decide(browser(firm.anna), "no")
    assert street().system_of_record == "tryton"


def test_who_proposed_may_withdraw_and_nobody_else(firm: Firm) -> None:
    lena = browser(firm.lena)
    said(lena, "/mapping-owners/", STREETS)
    (version,) = PolicyVersion.objects.filter(state=PolicyState.PROPOSED)
    path = f"/manage/decisions/{version.pk}/withdrawal/"
    assert path in lena.get("/mappings/").content.decode()
    assert "Only who proposed" in said(browser(firm.anna), path, {})
    assert AuditEntry.objects.get(verb="withdraw policy").allowed is False
    assert "Withdrawn. Nothing has changed." in said(lena, path, {})
    version.refresh_from_db()
    assert (version.state, version.decided_by) == (PolicyState.WITHDRAWN, None)
    assert "It has been decided meanwhile." in said(lena, path, {})
    assert "second person has agreed" in said(lena, "/mapping-owners/", STREETS)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"record": "moon"}, "Select a valid choice"),
        ({"names": ["colour"]}, "Select a valid choice"),
        ({"names": []}, "This field is required"),
        ({"system": "abacus"}, "Select a valid choice"),
        ({"owner": "nobody.here"}, "Select a valid choice"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_is_refused_in_words(firm: Firm, wrong: dict[str, Any], words: str) -> None:
    answer = said(browser(firm.lena), "/mapping-owners/", STREETS | wrong)
    assert "Nothing was changed." in answer and words in answer
    assert not PolicyVersion.objects.filter(state=PolicyState.PROPOSED).exists()


def test_an_owner_who_has_left_meanwhile_is_not_agreed_to(firm: Firm) -> None:
    said(browser(firm.lena), "/mapping-owners/", STREETS | {"owner": "otto.brandt"})
    Person.objects.filter(username="otto.brandt").update(is_active=False)
    decide(browser(firm.anna), "yes")
    assert street().system_of_record == "tryton"


def test_a_founded_firm_is_asked_for_the_owners_of_its_fields(
    settings: Settings, tmp_path: Path
) -> None:
    settings.HOME, settings.FIRM = tmp_path, ""
    example = REPOSITORY / "docs" / "examples" / "fernwood.toml"
    call_command("found", str(example), stdout=io.StringIO())
    sanna = browser(Person.objects.get(username="sanna.example"))
    count = sum(1 for _record, _name, part, *_rest in OWNERS if part == "erp")
    assert "no owner" not in sanna.get("/").content.decode(), "there is no system yet"
    System.objects.create(
        slug="ledger", title="Ledger", domain="ERP", role="erp", connector="tryton",
        connection="ledger", base_url="http://127.0.0.1:9",
    )  # fmt: skip
    assert f"{count} fields have no owner." in sanna.get("/").content.decode()
    page = sanna.get("/mappings/").content.decode()
    assert f"{count} fields have no owner:" in page and "Customer: Street" in page
    (usual,) = [one for one in owning.fields() if str(one) == "customer.street"]
    assert usual.system_of_record == "ledger" and usual.owner is None
    assert not FieldOwner.objects.exists()
    said(sanna, "/mapping-owners/", STREETS | {"system": "ledger", "owner": "carl.example"})
    decide(browser(Person.objects.get(username="carl.example")), "yes")
    assert (street().system_of_record, str(street().owner)) == ("ledger", "Carl Example")
    assert f"{count - 2} fields have no owner." in sanna.get("/").content.decode()
