"""The Power BI connector on the pretend workspace: the common suite and the vendor's own ways."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.verdicts import Kind, Outcome, Rejected, TryLater, Verdict
from integrations import catalogue
from integrations.connector import Connection
from integrations.power_bi import refreshes
from integrations.sandbox.power_bi.server import WORKSPACE
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import assert_absent, done
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "power_bi" / "samples"
LONG_AGO = "2020-01-01T00:00:00+00:00"
MANY = 86_400 * 1000


class Datasets(Subject):
    """A dataset of its own for each tag; refreshes end at once."""

    name = "power_bi"
    entity = "dataset"
    verb = "refresh"
    has_keys = False
    has_text = False
    answers_writes = False
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("value", "status", "startTime")
    choices = ("status",)

    def __init__(self, town: Town) -> None:
        options = {"workspace": WORKSPACE}
        connection = Connection(
            "bi", town.urls[self.name], town.secrets[self.name], options, DEADLINE
        )
        super().__init__(connection, town.controls[self.name])
        self.control.do("lasts", seconds=0)
        self.control.do("limit", per_day=1000)

    def dataset(self, tag: str) -> str:
        """The id of the dataset of a tag, which is there from now on."""
        made = str(uuid.uuid5(uuid.NAMESPACE_OID, tag))
        self.control.do("publish", id=made)
        return made

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {"since": LONG_AGO}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"dataset": self.dataset(tag), "since": LONG_AGO}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["figures_of"], self.amount

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        return await self.refresh(tag, LONG_AGO)

    async def refresh(self, tag: str, since: str) -> Verdict:
        """Have the dataset of a tag show the figures of a moment."""
        record = {"since": since}
        return await self.connector.act("dataset", self.dataset(tag), "refresh", record, tag)


def now() -> str:
    return datetime.now(UTC).isoformat()


@conforming(Datasets)
class TestPowerBi:
    @pytest.fixture
    def subject(self, town: Town) -> Datasets:
        return Datasets(town)

    async def test_a_refresh_serves_all_who_waited_for_it(
        self, subject: Datasets, tag: str
    ) -> None:
        first = now()
        assert done(await subject.refresh(tag, first)).outcome is Outcome.UPDATED
        assert done(await subject.refresh(tag, LONG_AGO)).outcome is Outcome.ALREADY_DONE
        again = done(await subject.refresh(tag, first))
        assert again.outcome is Outcome.ALREADY_DONE
        assert again.values["figures_of"] > first

    async def test_one_that_began_before_is_waited_for(self, subject: Datasets, tag: str) -> None:
        subject.control.do("lasts", seconds=600)
        done(await subject.refresh(tag, LONG_AGO))
        verdict = await subject.refresh(tag, now())
        assert isinstance(verdict, TryLater), verdict
        assert verdict.kind is Kind.RATE_LIMITED
        reading = await subject.connector.get("dataset", subject.dataset(tag))
        assert isinstance(reading, TryLater), reading
        assert "has been refreshing since" in reading.text
        assert reading.after is not None
        done(await subject.find(tag))

    async def test_one_that_somebody_else_began_is_waited_for(
        self, subject: Datasets, tag: str
    ) -> None:
        words = "Invalid dataset refresh request. Another refresh request is already executing"
        subject.control.order("refuse", count=1, text=words, operation="write")
        verdict = await subject.write(tag)
        assert isinstance(verdict, TryLater), verdict
        assert (verdict.kind, verdict.text) == (Kind.RATE_LIMITED, words)

    async def test_the_refreshes_of_a_day_last_the_day(self, subject: Datasets, tag: str) -> None:
        done(await subject.write(tag))
        verdict = await subject.refresh(tag, now())
        assert isinstance(verdict, TryLater), verdict
        assert verdict.kind is Kind.RATE_LIMITED
        assert verdict.text == "Power BI takes 8 refreshes a day; the next may begin in 180 min."
        quota = subject.connector.rate_limit()
        assert (quota.used, quota.limit) == (1, 8)

    async def test_a_spent_day_says_when_it_goes_on(self, subject: Datasets, tag: str) -> None:
        done(await subject.write(tag))
        subject.control.do("limit", per_day=1)
        options = {**subject.connection.options, "refreshes_a_day": MANY}
        async with subject.elsewhere(options=options) as unpaced:
            verdict = await unpaced.act(
                "dataset", subject.dataset(tag), "refresh", {"since": now()}, tag
            )
        assert isinstance(verdict, TryLater), verdict
        assert verdict.kind is Kind.RATE_LIMITED
        assert verdict.after is not None

    async def test_a_failed_one_brings_nothing_up_to_date(
        self, subject: Datasets, tag: str
    ) -> None:
        subject.control.do("fail", text="The credentials have expired")
        since = now()
        ref = done(await subject.refresh(tag, since)).ref
        shown = done(await subject.connector.get("dataset", ref)).values
        assert (shown["figures_of"], shown["words"]) == ("", "The credentials have expired")
        assert_absent(await subject.connector.find("dataset", {"dataset": ref, "since": since}))

    async def test_a_workspace_that_is_not_there(self, subject: Datasets, tag: str) -> None:
        async with subject.elsewhere(options={"workspace": str(uuid.uuid4())}) as lost:
            verdict = await lost.health()
        assert isinstance(verdict, Rejected), verdict
        assert verdict.text == "The workspace is not there."


def test_the_sample_is_read() -> None:
    known = refreshes.history(json.loads((SAMPLES / "history.json").read_bytes())["value"])
    running, failed, complete = known
    assert refreshes.running(known) == running
    assert failed.words == "ModelRefreshFailed_CredentialsNotSpecified"
    assert refreshes.covers(known, running.began_at)
    assert not refreshes.covers(known, running.began_at + timedelta(seconds=1))
    shown = refreshes.shown("d", known[1:])
    assert shown["figures_of"] == complete.began_at.isoformat()
    assert shown["failed_at"] == failed.began_at.isoformat()
