"""The Slack connector on the pretend workspace: the common suite and the vendor's own ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Unknown
from integrations import catalogue
from integrations.connector import Connection
from integrations.slack.channels import escaped, plain, room
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import done, verdict_of
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "slack" / "samples"


class Rooms(Subject):
    """Channels as what is made and found again."""

    name = "slack"
    entity = "room"
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("id", "name", "purpose", "created", "is_archived")

    def __init__(self, town: Town) -> None:
        connection = Connection("chat", town.urls[self.name], town.secrets[self.name], {}, DEADLINE)
        super().__init__(connection, town.controls[self.name])

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {"name": tag, "purpose": name}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"name": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["purpose"], self.amount


@conforming(Rooms)
class TestSlack:
    @pytest.fixture
    def subject(self, town: Town) -> Rooms:
        return Rooms(town)

    async def test_a_name_that_is_taken_is_our_own_channel(self, subject: Rooms, tag: str) -> None:
        first = done(await subject.write(tag))
        again = done(await subject.write(tag))
        assert (again.ref, again.outcome) == (first.ref, Outcome.ALREADY_DONE)

    async def test_a_name_that_we_may_not_see_is_a_duplicate(
        self, subject: Rooms, tag: str
    ) -> None:
        subject.control.do("take_name", name=tag)
        verdict = await subject.write(tag)
        assert isinstance(verdict, Rejected)
        assert verdict.kind is Kind.DUPLICATE
        assert "may not see" in verdict.text

    async def test_a_channel_without_its_purpose_is_completed(
        self, subject: Rooms, tag: str
    ) -> None:
        subject.control.order("server_error", count=1, operation="write*setPurpose")
        assert isinstance(await subject.write(tag, name="Rollout"), Unknown)
        assert done(await subject.find(tag)).values["purpose"] == ""
        assert done(await subject.write(tag, name="Rollout")).values["purpose"] == "Rollout"

    async def test_an_archived_channel_is_not_written_to(self, subject: Rooms, tag: str) -> None:
        ref = await subject.existing(tag)
        subject.control.do("archive", id=ref)
        assert done(await subject.find(tag)).values["archived"] is True
        for verdict in (
            await subject.write(tag, name="Another"),
            await subject.connector.act("room", ref, "notify", {"text": "Hello"}, "k"),
        ):
            assert isinstance(verdict, Rejected), verdict
            assert "is archived" in verdict.text

    async def test_a_notice_is_said_once_and_never_guessed(self, subject: Rooms, tag: str) -> None:
        ref = await subject.existing(tag)
        notice = {"text": "Budget < 80 % & rising"}
        said = await subject.connector.act("room", ref, "notify", notice, tag)
        assert done(said).version
        subject.control.order("commit_then_drop", count=1, operation="write")
        assert isinstance(await subject.connector.act("room", ref, "notify", notice, tag), Unknown)

    async def test_a_name_that_slack_does_not_take(self, subject: Rooms) -> None:
        for name in ("Not Lower", "x" * 81):
            verdict = await subject.write(name)
            assert isinstance(verdict, Rejected), verdict
            assert verdict.kind is Kind.VALIDATION

    async def test_more_channels_than_a_page(
        self, subject: Rooms, tag: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.slack.client.PAGE", 2)
        refs = [await subject.existing(f"{tag}-{number}") for number in range(3)]
        assert isinstance(await verdict_of(subject.find(f"{tag}-2")), Done)
        assert done(await subject.find(f"{tag}-0")).ref == refs[0]


def test_the_sample_is_read() -> None:
    row = json.loads((SAMPLES / "channel.json").read_bytes())["channel"]
    assert room(row)["purpose"] == "Solvik rollout & training"


def test_signs_of_slacks_own_come_back_as_they_were() -> None:
    for words in ("a < b & c > d", "&lt;", "&amp;lt;", "plain"):
        assert plain(escaped(words)) == words
