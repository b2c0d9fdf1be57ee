"""The Teams connector on the pretend tenant: the common suite and the vendor's own ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Outcome,
    Pending,
    Rejected,
    TryLater,
    Unknown,
)
from integrations import catalogue
from integrations.connector import Connection
from integrations.teams import connector
from integrations.teams.rooms import named, notice, room
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import assert_absent, done, verdict_of
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "teams" / "samples"


class Teams(Subject):
    """Teams as what is ordered and found again."""

    name = "teams"
    entity = "room"
    answers_writes = False  # the order is answered with where it is watched, and no body
    has_twins = True
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("id", "displayName", "description", "isArchived", "webUrl", "createdDateTime")

    def __init__(self, town: Town) -> None:
        options = {"owner": "0040b377-61d8-43db-94f5-81374122dc7e"}
        secrets = town.secrets[self.name]
        super().__init__(
            Connection("chat", town.urls[self.name], secrets, options, DEADLINE),
            town.controls[self.name],
        )

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {"name": tag, "purpose": name}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"name": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["purpose"], self.amount

    async def make_twin(self, ref: str, tag: str) -> str:
        return str(self.control.do("open_twin", name=tag)["id"])


@conforming(Teams)
class TestTeams:
    @pytest.fixture
    def subject(self, town: Town) -> Iterator[Teams]:
        subject = Teams(town)
        yield subject
        subject.control.do("teams_take", seconds=0)
        subject.control.do("teams_fail", words="")

    async def test_a_team_that_takes_its_time_is_asked_after(
        self, subject: Teams, tag: str
    ) -> None:
        subject.control.do("teams_take", seconds=2)
        for verdict in (await subject.write(tag), await subject.write(tag)):
            assert isinstance(verdict, Pending), verdict
            assert verdict.after == connector.LOOK_AGAIN
        assert isinstance(await subject.find(tag), Pending)
        async with asyncio.timeout(120):
            while not isinstance(verdict := await subject.write(tag), Done):
                assert isinstance(verdict, Pending), verdict
                await asyncio.sleep(0.1)
        assert verdict.outcome is Outcome.ALREADY_DONE
        assert (verdict.values["name"], verdict.values["purpose"]) == (tag, "Conformance")

    async def test_a_team_that_could_not_be_made_says_why(self, subject: Teams, tag: str) -> None:
        subject.control.do("teams_fail", words="The owner has no licence")
        verdict = await subject.write(tag)
        assert isinstance(verdict, Rejected), verdict
        assert "The owner has no licence" in verdict.text
        assert_absent(await subject.find(tag))
        subject.control.do("teams_fail", words="")
        assert done(await subject.write(tag)).outcome is Outcome.CREATED

    async def test_its_purpose_follows(self, subject: Teams, tag: str) -> None:
        first = done(await subject.write(tag, name="Before"))
        second = done(await subject.write(tag, name="After"))
        assert (second.ref, second.outcome) == (first.ref, Outcome.UPDATED)
        assert second.values["purpose"] == "After"

    async def test_an_order_that_is_forgotten_here_is_found_by_its_name(
        self, subject: Teams, tag: str
    ) -> None:
        subject.control.order("commit_then_drop", count=1, operation="write")
        assert isinstance(await subject.write(tag), Unknown)
        connector._ORDERED.clear()
        assert done(await subject.find(tag)).values["name"] == tag

    async def test_an_order_that_nobody_knows_any_more_is_no_trouble(
        self, subject: Teams, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        gone = "/v1.0/teams('gone')/operations('gone')"
        connector._ORDERED[subject.connection.base_url, tag] = gone
        assert done(await subject.find(tag)).ref == ref

    async def test_a_notice_is_said_as_it_was_meant(self, subject: Teams, tag: str) -> None:
        ref = await subject.existing(tag)
        words = "Fees < 5 % & more\nhttp://tower.example/?a=1&b=2 leads on"
        link = "http://tower.example/?a=1&amp;b=2"
        said = await subject.connector.act("room", ref, "notify", {"text": words}, tag)
        assert done(said).outcome is Outcome.CREATED
        assert subject.control.do("said", id=ref)["messages"] == [
            f'Fees &lt; 5 % &amp; more<br><a href="{link}">{link}</a> leads on'
        ]

    async def test_a_lost_notice_is_in_doubt(self, subject: Teams, tag: str) -> None:
        ref = await subject.existing(tag)
        subject.control.order("commit_then_drop", count=1, operation="write")
        said = await subject.connector.act("room", ref, "notify", {"text": "Once"}, tag)
        assert isinstance(said, Unknown)

    async def test_names_that_teams_does_not_take(self, subject: Teams) -> None:
        for record in ({"name": ""}, {"name": "x" * 257}, {"name": "x", "purpose": "y" * 1025}):
            for verdict in (
                await subject.connector.upsert("room", record, "k"),
                await subject.connector.check("room", record),
            ):
                assert isinstance(verdict, Rejected), verdict
                assert verdict.kind is Kind.VALIDATION

    async def test_a_name_with_an_apostrophe_is_found(self, subject: Teams, tag: str) -> None:
        name = f"O'Brien's {tag}"
        made = done(await subject.connector.upsert("room", {"name": name}, tag))
        found = done(await subject.connector.find("room", {"name": name}))
        assert found.ref == made.ref

    async def test_a_tenant_that_is_unwell_is_asked_later(self, subject: Teams, tag: str) -> None:
        await subject.connector.health()
        subject.control.order("server_error", count=2, operation="read")
        verdict = await verdict_of(subject.connector.find("room", {"name": tag}))
        assert isinstance(verdict, TryLater)


def test_the_sample_is_read() -> None:
    row = json.loads((SAMPLES / "team.json").read_bytes())
    assert room(row)["purpose"].startswith("Solvik rollout & training https://")


def test_what_is_asked_and_said_holds_no_sign_of_ours_as_its_own() -> None:
    assert named("a'b") == "/v1.0/teams?$filter=displayName%20eq%20%27a%27%27b%27"
    assert notice("<b>&")["body"]["content"] == "&lt;b&gt;&amp;"
