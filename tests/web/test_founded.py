"""What a tower without a firm, and one that has just been founded, say to whoever looks."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from controltower.firm.models import ExchangeRate, Person
from controltower.supervisor.home import REPOSITORY

pytestmark = pytest.mark.django_db
EXAMPLE = REPOSITORY / "docs" / "examples" / "fernwood.toml"


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> None:
    settings.HOME, settings.FIRM = tmp_path, ""


def found() -> None:
    call_command("found", str(EXAMPLE), stdout=io.StringIO())


def tower(username: str) -> str:
    client = Client()
    client.force_login(Person.objects.get(username=username))
    return client.get("/").content.decode()


def test_the_door_of_an_unfounded_tower_says_what_to_do_first(client: Client) -> None:
    answer = client.get("/", follow=True)
    assert [status for _url, status in answer.redirect_chain] == [302]
    assert "bin/manage found FILE" in answer.content.decode()
    assert client.post("/sign-in/", {"username": "a", "password": "b"}).status_code == 200
    found()
    assert "bin/manage found" not in client.get("/sign-in/").content.decode()


def test_a_founded_tower_says_what_is_next_and_whose_it_is() -> None:
    found()
    page = tower("carl.example")
    assert "Fernwood Example Consulting" in page
    assert "Larkfield" not in page
    for words in (
        "Connect your systems",
        "Whose it is: administrator.",
        "None is in force, and nothing is sent without one.",
        "Written by: data steward or integration operator.",
        "data steward or finance controller; money needs two",
    ):
        assert words in page, words
    assert "Agree on exchange rates" not in page


def test_money_without_a_rate_is_a_first_step() -> None:
    found()
    ExchangeRate.objects.all().delete()
    assert "GBP: no rate is known, so no total holds it." in tower("edda.example")
