"""The Workday connector on the pretend tenant: the common suite and the vendor's own ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from controltower.canonical.records import Absence, Resource, ResourceStatus
from controltower.canonical.verdicts import Exchange, FieldError, Kind, Rejected
from controltower.canonical.wire import from_json, to_json
from integrations import catalogue, exact_json
from integrations.connector import Connection
from integrations.http import Answer
from integrations.workday.refusals import verdict_of
from integrations.workday.translate import absence, resource
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "workday" / "samples"


class Tenant(Subject):
    """The pretend tenant, which is only read."""

    name = "workday"
    verb = ""
    says_when = False
    throttles = ({"kind": "throttle"}, {"kind": "quota"})

    def __init__(self, town: Town) -> None:
        super().__init__(
            Connection(
                "hris",
                town.urls[self.name],
                town.secrets[self.name],
                {"settle_seconds": 1},
                DEADLINE,
            ),
            town.controls[self.name],
        )
        self._made: dict[str, str] = {}

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        raise NotImplementedError

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        raise NotImplementedError

    def make(self, tag: str) -> str:
        """Let a record of that tag come about; its id."""
        raise NotImplementedError

    async def existing(self, tag: str) -> str:
        if tag not in self._made:
            self._made[tag] = self.make(tag)
        return self._made[tag]


class Workers(Tenant):
    """People as what is read and fed."""

    entity = feed = "resource"
    has_money = True
    members = ("Workday_ID", "Employee_ID", "Business_Title", "Worker_Status", "Last_Updated")
    feed_members = ("Report_Entry", "Company", "Worker_Status", "Last_Updated", "Effective_Date")
    row_member = "Worker_Status"
    choices = ("Worker_Status", "Company")

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"number": tag}

    def make(self, tag: str) -> str:
        return self.hire(Employee_ID=tag, Cost_Rate=str(self.amount))

    def hire(self, **wanted: Any) -> str:
        """Hire somebody; their id."""
        return str(self.control.do("hire", **wanted)["id"])

    async def make_facts(self, count: int) -> list[str]:
        return [self.hire() for _ in range(count)]

    async def touch(self, ref: str) -> None:
        self.control.do("change", id=ref, fields={"Worker_Status": "Active"})


class DaysOff(Tenant):
    """Absences as what is read and fed."""

    entity = feed = "absence"
    members = ("data", "id", "date", "quantity", "status", "unit")
    choices = ("descriptor",)

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"ref": tag}

    def make(self, tag: str) -> str:
        return str(self.control.do("take_off", on="2026-12-24", quantity="7.5")["id"])

    async def make_facts(self, count: int) -> list[str]:
        return [self.make("") for _ in range(count)]


@conforming(Workers)
class TestWorkday:
    @pytest.fixture
    def subject(self, town: Town) -> Workers:
        return Workers(town)

    async def test_a_worker_in_canonical_words(self, subject: Workers) -> None:
        read = done(await subject.connector.find("resource", {"number": "LF-0001"})).values
        shown = {name: read[name] for name in ("name", "entity", "skills", "status", "to_date")}
        assert shown == {
            "name": "Henrike Sandvoss",
            "entity": "LF-DE",
            "skills": ("Client leadership", "Finance"),
            "status": ResourceStatus.ACTIVE,
            "to_date": None,
        }

    async def test_a_move_says_from_when_it_is_so(self, subject: Workers, tag: str) -> None:
        ref = await subject.existing(tag)
        cursor = await subject.drained()
        subject.control.do("move", id=ref, company="LF-UK", role="Manager")
        (change,) = [c for c in await subject.changes(cursor) if ref in c.event.id][-1:]
        moved = change.event.record
        assert isinstance(moved, Resource)
        assert (moved.entity, moved.role, moved.currency) == ("LF-UK", "Manager", "GBP")
        assert moved.valid_from is not None

    async def test_who_has_left_is_still_told(self, subject: Workers, tag: str) -> None:
        ref = await subject.existing(tag)
        cursor = await subject.drained()
        subject.control.do("leave", id=ref, on="2026-12-31")
        left = [c.event.record for c in await subject.changes(cursor) if ref in c.event.id][-1]
        assert isinstance(left, Resource)
        assert (left.status, left.to_date) == (ResourceStatus.LEFT, date(2026, 12, 31))

    async def test_a_long_absence_is_read_window_by_window(self, subject: Workers) -> None:
        """Each no longer than the tenant can answer; nothing between them is lost."""
        (made,) = await subject.make_facts(1)
        async with subject.elsewhere(
            options={"window_days": 7, "lookback_days": 20, "settle_seconds": 1}
        ) as connector:
            cursor, pages, found = "", 0, list[str]()
            while True:
                page = await connector.read_changes("resource", cursor, 500)
                pages, cursor = pages + 1, page.next_cursor
                found += [change.event.record.source_id for change in page.changes]
                if not page.has_more:
                    break
        assert pages == 3
        assert made in found

    async def test_two_of_one_number_are_not_chosen_between(
        self, subject: Workers, tag: str
    ) -> None:
        first, second = subject.make(tag), subject.make(tag)
        verdict = await subject.connector.find("resource", {"number": tag})
        assert isinstance(verdict, Rejected)
        assert verdict.kind is Kind.DUPLICATE
        assert first in verdict.text and second in verdict.text

    async def test_many_of_one_name_are_looked_through(self, subject: Workers) -> None:
        """A search answers page by page; the one is found on the last of them."""
        for _ in range(110):
            subject.hire(Employee_ID="LF-9000-many")
        last = subject.hire(Employee_ID="LF-9000")
        found = done(await subject.connector.find("resource", {"number": "LF-9000"}))
        assert found.ref == last


@conforming(DaysOff, OF_AN_ENTITY)
class TestDaysOff:
    @pytest.fixture
    def subject(self, town: Town) -> DaysOff:
        return DaysOff(town)

    async def test_report_and_resource_tell_one_day(self, subject: DaysOff, tag: str) -> None:
        cursor = await subject.drained()
        ref = await subject.existing(tag)
        (told,) = [c.event.record for c in await subject.changes(cursor) if ref in c.event.id]
        assert done(await subject.connector.get("absence", ref)).values == told.as_dict()
        assert isinstance(told, Absence)
        assert (told.hours, told.from_date, told.approved) == (
            Decimal("7.5"),
            date(2026, 12, 24),
            True,
        )

    async def test_a_day_that_was_called_off_is_a_second_fact(
        self, subject: DaysOff, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        cursor = await subject.drained()
        subject.control.do("change_day", id=ref, fields={"Status": "Canceled"})
        told = [c.event.record for c in await subject.changes(cursor) if ref in c.event.id][-1]
        assert isinstance(told, Absence)
        assert not told.approved

    async def test_whole_days_have_no_hours(self, subject: DaysOff) -> None:
        day = subject.control.do("take_off", quantity="1", unit="Days")
        read = done(await subject.connector.get("absence", str(day["id"])))
        assert read.values["hours"] == Decimal(0)


def test_the_samples_are_read() -> None:
    worker = resource(exact_json.decode((SAMPLES / "worker.json").read_bytes()))
    assert (worker.name, worker.cost_rate, worker.currency, worker.valid_from) == (
        "Cordelia Ashworthy",
        Decimal("148.00"),
        "GBP",
        date(2026, 11, 1),
    )
    assert worker.weekly_hours == Decimal("37.5")
    assert from_json(Resource, to_json(worker)) == worker
    off = absence(json.loads((SAMPLES / "time_off.json").read_bytes()))
    assert (off.resource_id, off.hours) == (worker.source_id, Decimal("7.5"))
    assert from_json(Absence, to_json(off)) == off


def test_a_refusal_says_each_thing_once_and_names_its_fields() -> None:
    body = (SAMPLES / "refusal.json").read_bytes()
    verdict = verdict_of(Answer(400, CIMultiDict(), body, Exchange()))
    assert isinstance(verdict, Rejected)
    assert verdict.text == "validation error Enter a worker that exists."
    assert verdict.fields == (FieldError("worker", "Enter a worker that exists."),)
