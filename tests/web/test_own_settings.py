"""What a person sets for themselves: looks, the daily mail, and a password of their own."""

from __future__ import annotations

from datetime import time

import pytest
from django.test import Client

from controltower.firm.models import AuditEntry
from controltower.incidents.models import Wish
from tests.web.cast import PASSWORD, browser, person

pytestmark = pytest.mark.django_db
NEW = "another long phrase entirely"


def change(client: Client, old: str, new: str, again: str = "") -> int:
    fields = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/settings/password/", fields).status_code


def test_looks_and_the_daily_mail_are_kept_with_the_person() -> None:
    alice = person("alice")
    client = browser(alice)
    looks = {"language": "de", "zone": "America/New_York", "theme": "dark", "density": "compact"}
    assert client.post("/settings/looks/", looks).status_code == 302
    assert client.post("/settings/mails/", {"digest_at": "07:45"}).status_code == 302
    alice.refresh_from_db()
    assert (alice.zone, alice.theme, alice.density) == ("America/New_York", "dark", "compact")
    assert not alice.single_keys, "a box that is not ticked"
    assert Wish.objects.get(person=alice).digest_at == time(7, 45)
    page = client.get("/settings/").content.decode()
    assert 'lang="de"' in page
    assert 'data-density="compact"' in page
    assert 'data-single-keys="off"' in page
    assert client.post("/settings/looks/", looks | {"zone": "Mars/Base"}).status_code == 422
    client.post("/settings/mails/", {"digest_at": ""})
    assert Wish.objects.get(person=alice).digest_at is None


def test_a_new_password_ends_the_sessions_elsewhere_and_is_audited() -> None:
    alice = person("alice")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        assert client.login(username="alice", password=PASSWORD)
    assert change(here, PASSWORD, NEW) == 302
    assert here.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302
    assert not Client().login(username="alice", password=PASSWORD)
    assert Client().login(username="alice", password=NEW)
    entry = AuditEntry.objects.get(verb="change password")
    assert (entry.actor, entry.allowed) == (alice.username, True)


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [("wrong", NEW, ""), (PASSWORD, "short", ""), (PASSWORD, "password1234", ""),
     (PASSWORD, NEW, "something else again")],
)  # fmt: skip
def test_a_password_that_will_not_do_changes_nothing(old: str, new: str, again: str) -> None:
    client = browser(person("alice"))
    assert change(client, old, new, again) == 422
    assert Client().login(username="alice", password=PASSWORD)
    assert not AuditEntry.objects.get(verb="change password").allowed


def test_the_old_password_cannot_be_guessed_from_an_open_session() -> None:
    client = browser(person("alice"))
    for guess in range(5):
        change(client, f"guess {guess}", NEW)
    assert change(client, PASSWORD, NEW) == 422
    assert Client().login(username="alice", password=PASSWORD)
