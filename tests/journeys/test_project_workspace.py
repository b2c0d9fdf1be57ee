"""A project that was set up gets its folder and its channel, once, whatever is down meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controltower.systems.models import Feed, System
from controltower.transactions import polling
from controltower.transactions.models import (
    EventState,
    InboundEvent,
    Transaction,
    TransactionState,
)
from controltower.transactions.protocol import State
from controltower.web.demo.surroundings import connect_systems
from integrations import catalogue
from integrations.connector import Connection, Key
from tests.integrations.conftest import running_town, town
from tests.integrations.doors import Town
from tests.journeys.tower import Tower

__all__ = ["running_town", "town"]
WORKSPACE = "project-workspace"
VERIFIED = TransactionState.VERIFIED


@pytest.fixture(autouse=True)
def workplaces(tower: Tower, town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The firm's library and chat beside its other systems, caught up with older projects."""
    for name in ("sharepoint", "slack", "teams"):
        monkeypatch.setenv(f"SANDBOX_{name.upper()}_URL", town.urls[name])
        for secret, value in town.secrets[name].items():
            monkeypatch.setenv(f"SANDBOX_{name.upper()}_{secret.upper()}", value)
    _caught_up()
    yield town
    town.controls["sharepoint"].do("copies_take", seconds=0)


def _caught_up() -> None:
    """The systems that there are, with nothing left to follow from what was there before."""
    connect_systems(timezone.now())
    polling.poll(budget=timedelta(0))
    Feed.objects.update(every_seconds=0)
    InboundEvent.objects.update(state=EventState.SUPERSEDED, reason="It was so before this test.")


@pytest.fixture
def other_psa(workplaces: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The American company's own PSA."""
    monkeypatch.setenv("SANDBOX_KANTATA_URL", workplaces.urls["kantata"])
    monkeypatch.setenv("SANDBOX_KANTATA_TOKEN", workplaces.secrets["kantata"]["token"])
    connect_systems(timezone.now())
    System.objects.filter(slug="kantata").update(options={"settle_seconds": 1})
    _caught_up()


def workspace_of(tower: Tower, deal: Transaction) -> Transaction:
    """The workspace of a deal's project."""
    return tower.of("project", deal.steps.get(name="project").ref, WORKSPACE)


def made(town: Town, system: str, entity: str, mark: str) -> list[Key]:
    """What a system has under a reference of ours."""

    async def read() -> list[Key]:
        connector = catalogue.connect(
            system, Connection(system, town.urls[system], town.secrets[system])
        )
        now = datetime.now(UTC)
        try:
            found = await connector.keys(entity, now - timedelta(days=1), now + timedelta(days=1))
        finally:
            await connector.close()
        return [key for key in found if mark in key.key]

    return asyncio.run(read())


@pytest.mark.usefixtures("other_psa")
def test_a_project_of_the_other_psa_has_its_workspace_too(tower: Tower, town: Town) -> None:
    deal = tower.set_up(entity="LF-US", client="COP")
    project = deal.steps.select_related("system").get(name="project")
    assert project.system is not None and project.system.slug == "kantata"
    town.controls["kantata"].order("throttle", count=2)

    def is_told() -> bool:
        tower.impatient()  # the throttled feed rests for a minute
        return Transaction.objects.filter(process=WORKSPACE).exists()

    tower.play(is_told)
    workspace = tower.until(workspace_of(tower, deal), VERIFIED)
    assert workspace.correlation_id == deal.correlation_id
    folder = workspace.steps.get(name="folder")
    assert folder.values["title"].endswith(deal.title)
    assert folder.values["url"] in workspace.steps.get(name="room").values["purpose"]


def test_a_project_has_a_folder_and_a_channel_that_leads_to_it(tower: Tower, town: Town) -> None:
    deal = tower.set_up()
    workspace = tower.until(workspace_of(tower, deal), VERIFIED)
    assert workspace.correlation_id == deal.correlation_id
    folder, room = workspace.steps.get(name="folder"), workspace.steps.get(name="room")
    assert folder.values["title"].endswith(deal.title)
    assert folder.values["name"].startswith(f"{deal.reference}-project ")
    assert folder.values["url"] in room.values["purpose"]
    assert room.values["name"] == f"{deal.reference}-project".lower()


def test_neither_a_slow_copy_nor_a_silent_chat_makes_anything_twice(
    tower: Tower, town: Town
) -> None:
    town.controls["sharepoint"].do("copies_take", seconds=1)
    town.controls["slack"].order("down")
    deal = tower.set_up()
    workspace = workspace_of(tower, deal)
    folder, room = workspace.steps.get(name="folder"), workspace.steps.get(name="room")

    def waits_for_slack() -> bool:
        time.sleep(0.5)  # a person would be asked after six looks, however soon they follow
        tower.impatient()
        folder.refresh_from_db()
        room.refresh_from_db()
        return folder.state == State.VERIFIED and room.attempts.exists()

    tower.play(waits_for_slack)
    assert folder.attempts.count() > 2, "the copy was asked after"
    assert tower.until(deal, VERIFIED), "the project itself waits for nobody"
    town.controls["slack"].clear()
    tower.until(workspace, VERIFIED)
    assert len(made(town, "sharepoint", "folder", f"{deal.reference}-project")) == 1
    assert len(made(town, "slack", "room", f"{deal.reference}-project".lower())) == 1


def test_the_british_company_has_a_team_though_teams_was_down(tower: Tower, town: Town) -> None:
    town.controls["teams"].order("down")
    deal = tower.set_up(entity="LF-UK")
    workspace = workspace_of(tower, deal)
    room = workspace.steps.get(name="room")

    def waits_for_teams() -> bool:
        tower.impatient()
        return room.attempts.exists()

    tower.play(waits_for_teams)
    town.controls["teams"].clear()
    town.controls["teams"].order("commit_then_drop", count=1, operation="write")
    tower.until(workspace, VERIFIED)
    room.refresh_from_db()
    assert room.system is not None
    assert room.system.slug == "teams"
    assert workspace.steps.get(name="folder").values["url"] in room.values["purpose"]
    mark = f"{deal.reference}-project".lower()
    assert len(made(town, "teams", "room", mark)) == 1
    assert made(town, "slack", "room", mark) == []


def test_a_renamed_project_keeps_its_folder(tower: Tower, town: Town) -> None:
    deal = tower.set_up()
    workspace = tower.until(workspace_of(tower, deal), VERIFIED)
    before = workspace.steps.get(name="folder").values["name"]
    feed = Feed.objects.get(system__slug="certinia", entity="project")
    tower.correct("pse__Proj__c", deal.steps.get(name="project").ref, Name="Quite another name")

    def read_again() -> bool:
        tower.impatient()
        return Feed.objects.get(pk=feed.pk).cursor != feed.cursor

    tower.play(read_again)
    tower.play(lambda: not Transaction.objects.live().exists())
    assert Transaction.objects.filter(process=WORKSPACE).count() == 1
    assert [key.key for key in made(town, "sharepoint", "folder", f"{deal.reference}-project")] == [
        before
    ]
