"""The SharePoint connector on the pretend library: the common suite and the vendor's own ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from controltower.canonical.verdicts import Done, Kind, Misconfigured, Outcome, Pending, Rejected
from integrations import catalogue
from integrations.connector import Connection
from integrations.sharepoint import connector
from integrations.sharepoint.folders import folder, unfit
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "sharepoint" / "samples"


class Folders(Subject):
    """Folders as what is made and found again."""

    name = "sharepoint"
    entity = "folder"
    answers_writes = False  # the copy is answered with where it is watched, and no body
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("id", "name", "folder", "webUrl", "eTag", "listItem")

    def __init__(self, town: Town) -> None:
        connection = Connection("docs", town.urls[self.name], town.secrets[self.name], {}, DEADLINE)
        super().__init__(connection, town.controls[self.name])

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {"name": tag, "title": name}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"name": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["title"], self.amount


@conforming(Folders)
class TestSharePoint:
    @pytest.fixture
    def subject(self, town: Town) -> Iterator[Folders]:
        subject = Folders(town)
        yield subject
        subject.control.do("copies_take", seconds=0)
        subject.control.do("copies_fail", code="")

    async def test_a_copy_that_takes_its_time_is_asked_after(
        self, subject: Folders, tag: str
    ) -> None:
        subject.control.do("copies_take", seconds=2)
        for verdict in (await subject.write(tag), await subject.write(tag)):
            assert isinstance(verdict, Pending), verdict
        monitors = [url for (_drive, name), url in connector._MONITORS.items() if name == tag]
        async with aiohttp.request("GET", monitors[0]) as shown:
            assert (await shown.json())["status"] == "inProgress"
        assert isinstance(await subject.find(tag), Pending)
        made = await self.whole(subject, tag)
        assert (made.values["name"], made.values["title"]) == (tag, "Conformance")

    async def test_it_is_asked_after_where_its_monitor_is_forgotten(
        self, subject: Folders, tag: str
    ) -> None:
        subject.control.do("copies_take", seconds=2)
        assert isinstance(await subject.write(tag), Pending)
        connector._MONITORS.clear()
        assert isinstance(await subject.find(tag), Pending)
        assert (await self.whole(subject, tag)).values["title"] == "Conformance"

    async def whole(self, subject: Folders, tag: str) -> Done:
        """Sent again until all has been copied."""
        async with asyncio.timeout(120):
            while not isinstance(verdict := await subject.write(tag), Done):
                assert isinstance(verdict, Pending), verdict
                await asyncio.sleep(0.1)
        return verdict

    async def test_a_copy_that_fails_says_why(self, subject: Folders, tag: str) -> None:
        subject.control.do("copies_fail", code="accessDenied")
        verdict = await subject.write(tag)
        assert isinstance(verdict, Rejected), verdict
        assert "accessDenied" in verdict.text
        subject.control.do("copies_fail", code="")
        assert done(await subject.write(tag)).outcome is Outcome.CREATED

    async def test_a_folder_without_its_title_is_completed(
        self, subject: Folders, tag: str
    ) -> None:
        subject.control.order("server_error", count=1, operation="write*fields")
        assert not isinstance(await subject.write(tag), Done)
        assert done(await subject.find(tag)).values["title"] == ""
        assert done(await subject.write(tag, name="Rollout")).values["title"] == "Rollout"

    async def test_a_template_that_is_not_there_is_our_mistake(
        self, subject: Folders, tag: str
    ) -> None:
        async with subject.elsewhere(options={"template": "Templates/None"}) as other:
            verdict = await other.upsert("folder", {"name": tag, "title": ""}, "k")
        assert isinstance(verdict, Misconfigured)
        assert "Templates/None" in verdict.text

    async def test_a_name_that_the_library_does_not_take(self, subject: Folders) -> None:
        for name in ("a/b", "ends.", " begins", "x" * 251, ""):
            verdict = await subject.write(name)
            assert isinstance(verdict, Rejected), verdict
            assert verdict.kind is Kind.VALIDATION
        assert unfit("Größe – 10 % & mehr") == ""

    async def test_a_monitor_elsewhere_is_never_asked(self, subject: Folders, tag: str) -> None:
        async with subject.elsewhere(options={"monitor_url": "http://127.0.0.1:9"}) as other:
            verdict = await other.upsert("folder", {"name": tag, "title": "There"}, "k")
        assert done(verdict).values["title"] == "There"


def test_the_sample_is_read() -> None:
    row = json.loads((SAMPLES / "folder.json").read_bytes())
    assert folder(row)["title"] == "Silbermann Logistik – Harbour review"
