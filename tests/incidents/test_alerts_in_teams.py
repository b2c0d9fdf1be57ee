"""An alert of an incident, said in Teams over the vendor's own protocol."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from controltower.incidents import delivering, watch
from controltower.incidents.models import Channel, Message, MessageState, Severity, Wish
from controltower.systems.models import System
from tests.incidents.test_notices import NOW, somebody
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import Town

__all__ = ["running_town", "town"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def team(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The team of those who are told, in a tenant that the tower is connected to."""
    names = {name: f"TEST_TEAMS_{name.upper()}" for name in town.secrets["teams"]}
    for secret, value in town.secrets["teams"].items():
        monkeypatch.setenv(names[secret], value)
    System.objects.create(
        slug="teams", title="Teams", domain="Collaboration", role="chat", connector="teams",
        connection="teams", base_url=town.urls["teams"],
        secrets={secret: f"env:{name}" for secret, name in names.items()},
    )  # fmt: skip
    yield str(town.controls["teams"].do("open_twin", name="Operations")["id"])
    town.controls["teams"].clear()


def told(team: str) -> Message:
    """An incident's alert to somebody who is told there alone, after its first try."""
    Wish.objects.create(person=somebody("kim"), mail=False, teams_team=team)
    watch.report(
        subject="system:erp", title="R&D's ERP does not answer", severity=Severity.HIGH, now=NOW
    )
    assert delivering.deliver(now=NOW) == 1
    return Message.objects.get(channel=Channel.TEAMS)


def test_an_alert_is_said_once_with_its_link(team: str, town: Town) -> None:
    message = told(team)
    assert (message.state, message.fault) == (MessageState.SENT, "")
    (said,) = town.controls["teams"].do("said", id=team)["messages"]
    assert "R&amp;D&#x27;s ERP does not answer<br>" in said
    assert '<a href="http' in said
    assert delivering.deliver(now=NOW + timedelta(hours=1)) == 0


def test_one_that_may_have_been_said_is_not_said_again(team: str, town: Town) -> None:
    town.controls["teams"].order("commit_then_drop", count=1, operation="write")
    assert told(team).state == MessageState.DOUBT
    assert delivering.deliver(now=NOW + timedelta(hours=1)) == 0
    assert len(town.controls["teams"].do("said", id=team)["messages"]) == 1


def test_a_team_that_is_not_there_is_told_as_such(team: str) -> None:
    message = told("00000000-0000-0000-0000-000000000000")
    assert message.state == MessageState.FAILED
    assert message.fault
