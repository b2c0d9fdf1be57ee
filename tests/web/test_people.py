"""People are created without rights, put aside, let back in, and never deleted."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.utils import timezone

from controltower.firm import people
from controltower.firm.models import AuditEntry, Person, Role
from tests.web.cast import browser, person, token

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def create(by: Person, username: str = "new.person") -> tuple[Person, str]:
    return people.create(
        username=username, first="New", last="Person", email="new@larkfield.example",
        zone="Europe/Berlin", by=by, now=NOW,
    )  # fmt: skip


@pytest.fixture
def amara() -> Person:
    return person("amara", Role.ADMINISTRATOR)


def test_somebody_new_signs_in_and_may_do_nothing(amara: Person) -> None:
    made, password = create(amara)
    assert authenticate(username="new.person", password=password) == made
    assert not made.duties.exists()
    assert not made.is_staff
    kept = str(list(AuditEntry.objects.values_list("detail", "subject")))
    assert password not in kept


@pytest.mark.parametrize("username", ["", "A", "two words", "amara", "../etc", "x" * 99])
def test_a_name_that_cannot_be_is_refused(amara: Person, username: str) -> None:
    with pytest.raises(people.BadPerson):
        create(amara, username)


def test_whoever_is_put_aside_is_out_at_once(amara: Person) -> None:
    otto = person("otto")
    page, header = browser(otto), token(otto)
    assert page.get("/").status_code == 200
    people.put_aside(person=otto, reason="left", by=amara, now=NOW)
    assert page.get("/").status_code == 302
    assert page.get("/api/v1/transactions", headers=header).status_code == 401
    people.let_back(person=otto, reason="back", by=amara, now=NOW)
    assert Person.objects.get(pk=otto.pk).is_active
    assert page.get("/api/v1/transactions", headers=header).status_code == 401


def test_a_reset_ends_all_sessions(amara: Person) -> None:
    otto = person("otto")
    page = browser(otto)
    password = people.reset_sign_in(person=otto, reason="forgotten", by=amara, now=NOW)
    assert page.get("/").status_code == 302
    assert authenticate(username="otto", password=password) == otto


def test_nobody_does_it_to_themselves_or_without_the_right(amara: Person) -> None:
    otto = person("otto", Role.CONTROLLER)
    for one, by in ((amara, amara), (amara, otto)):
        for act in (people.put_aside, people.let_back, people.reset_sign_in):
            with pytest.raises(people.NotAllowed):
                act(person=one, reason="so", by=by, now=NOW)
    with pytest.raises(people.NotAllowed):
        create(otto)
    assert AuditEntry.objects.filter(allowed=False).count() == 7
    assert Person.objects.get(pk=amara.pk).is_active
