"""Recovery mode on the pages and for machines."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from controltower.systems import anchor
from controltower.systems.models import Feed, Recovery
from tests.factories import Firm

pytestmark = pytest.mark.django_db


def _page(client: Client, person: object, path: str) -> str:
    client.force_login(person)  # type: ignore[arg-type]
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def _begin(firm: Firm) -> None:
    now = timezone.now()
    anchor.begin(why="The database is older.", restore_point=now - timedelta(hours=3), now=now)


@pytest.mark.parametrize("path", ["/", "/systems/", "/recovery/"])
def test_the_pages_say_that_nothing_is_sent_and_what_is_left(
    client: Client, firm: Firm, path: str
) -> None:
    firm.deal()
    assert "Recovery mode" not in _page(client, firm.otto, path)
    _begin(firm)
    page = _page(client, firm.otto, path)
    assert "Recovery mode: nothing is sent" in page
    assert "The database is older." in page
    assert "Certinia: timecard" in page
    assert "End recovery mode" in page


def test_a_person_ends_it_with_right_and_reason(client: Client, firm: Firm) -> None:
    _begin(firm)
    client.force_login(firm.otto)
    client.post("/recovery/end/", {"reason": ""})
    assert Recovery.objects.open().exists()
    client.force_login(firm.anna)
    client.post("/recovery/end/", {"reason": "in a hurry"})
    assert Recovery.objects.open().exists()
    client.force_login(firm.otto)
    client.post("/recovery/end/", {"reason": "Compared by hand"})
    assert Recovery.objects.get().end_reason == "Compared by hand"


def test_machines_are_told(client: Client, firm: Firm) -> None:
    assert b"controltower_recovery 0.0" in client.get("/metrics").content
    _begin(firm)
    assert b"controltower_recovery 1.0" in client.get("/metrics").content
    assert "nothing is sent" in client.get("/readyz").json()["checks"]["recovery"]


def test_the_command_begins_shows_and_ends_it(
    firm: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("recovery", "status")
    call_command("recovery", "begin", restore_point=timezone.now())
    Feed.objects.update(ended_at=None)
    with pytest.raises(SystemExit):
        call_command("recovery", "status")
    assert "Certinia: expense" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Nobody signs in"):
        call_command("recovery", "end", by="nobody", reason="why not")
    call_command("recovery", "end", by=firm.otto.username, reason="compared")
    with pytest.raises(CommandError, match="No recovery"):
        call_command("recovery", "end", by=firm.otto.username, reason="again")
