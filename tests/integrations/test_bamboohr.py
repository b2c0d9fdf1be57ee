"""The BambooHR connector on the pretend account: the common suite and the vendor's own ways."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.records import Absence, Resource, ResourceStatus
from controltower.canonical.verdicts import Done, Kind, Rejected, TryLater, Unknown, Verdict
from controltower.canonical.wire import from_json, to_json
from integrations import catalogue
from integrations.bamboohr.changes import Changed, Place, following
from integrations.bamboohr.translate import retold, told
from integrations.connector import Connection
from integrations.sandbox.bamboohr.server import signature
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.verdicts import done, verdict_of
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Message, Subject, lower

SAMPLES = Path(catalogue.__file__).parent / "bamboohr" / "samples"


class People(Subject):
    """Employees as what is read, changed and written back to."""

    name = "bamboohr"
    entity = "resource"
    verb = "update"
    feed = "resource"
    has_money = True
    answers_writes = False
    throttles = ({"kind": "throttle"}, {"kind": "throttle", "status": 503, "retry_after": 5})
    members: Sequence[str] = (
        "id", "firstName", "workEmail", "status", "customCostRate", "customLegalEntity",
    )  # fmt: skip
    feed_members: Sequence[str] = ("employees", "lastChanged", "status", "customCostRate")
    row_member, row_operation = "status", "read /api/v1/employees/{ref}"
    choices: Sequence[str] = ("status", "customLegalEntity")
    signed_headers = ("x-bamboohr-signature", "x-bamboohr-timestamp")

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
        self._hired: dict[str, str] = {}

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        cost = {"value": str(amount), "currency": "EUR"}
        return {"customTowerReference": tag, "jobTitle": name, "customCostRate": cost}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"email": f"{tag}@larkfield.example"}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["role"], values["cost_rate"]

    async def prepare(self, tag: str) -> None:
        await super().prepare(tag)
        await self.existing(tag)

    async def existing(self, tag: str) -> str:
        if tag not in self._hired:
            hired = self.control.do("hire", workEmail=f"{tag}@larkfield.example")
            self._hired[tag] = str(hired["id"])
        return self._hired[tag]

    async def comparable(self, tag: str) -> str:
        return done(await self.write(tag)).ref

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        record = self.record(tag, name, self.amount if amount is None else amount)
        ref = await self.existing(tag)
        return await self.connector.act(self.entity, ref, self.verb, record, tag)

    async def find(self, tag: str) -> Verdict:
        """An update is found when it is seen on the record."""
        ref = await self.existing(tag)
        read: Verdict = await verdict_of(self.connector.get(self.entity, ref))
        if isinstance(read, Done) and read.values["reference"] != tag:
            return Rejected(kind=Kind.NOT_FOUND, text=f"{tag} has not been written.")
        return read

    async def make_facts(self, count: int) -> list[str]:
        return [str(self.control.do("hire")["id"]) for _ in range(count)]

    async def touch(self, ref: str) -> None:
        mine = {"customTowerReference": "seen by the tower"}
        done(await self.connector.act(self.entity, ref, "update", mine, "touch"))

    async def messages(self, count: int) -> list[Message]:
        if not self.control.sent():
            self.control.do("subscribe", url="http://127.0.0.1:9/")
        for number in range(count):
            self.control.do("promote", jobTitle=f"Principal {uuid.uuid4().hex[:6]} {number}")
        return self.last_sent(count)

    def signed(self, raw: bytes) -> Message:
        return lower(signature(raw, self.connection.secrets["webhook_key"])), raw


class TimeOff(People):
    """Requests for time off as what is read and fed."""

    entity = feed = "absence"
    verb = ""
    has_money = has_keys = False
    members = ("id", "employeeId", "status", "amount")
    feed_members = ("employeeId", "status", "amount", "dates")
    row_member, row_operation = "unit", "read /api/v1/time_off/requests"
    choices = ("unit",)

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"ref": tag}

    async def existing(self, tag: str) -> str:
        if tag not in self._hired:
            self._hired[tag] = str(self.take_off())
        return self._hired[tag]

    def take_off(self, **wanted: Any) -> str:
        """Approve a day off of somebody; the request's id."""
        return str(self.control.do("take_off", id="3", **wanted)["id"])

    async def make_facts(self, count: int) -> list[str]:
        return [self.take_off() for _ in range(count)]


@conforming(TimeOff, OF_AN_ENTITY)
class TestTimeOff:
    @pytest.fixture
    def subject(self, town: Town) -> TimeOff:
        return TimeOff(town)

    async def test_a_request_is_told_as_it_is_read(self, subject: TimeOff) -> None:
        today = datetime.now(UTC).date()
        monday = today + timedelta(days=28 - today.weekday())
        week = {"start": monday.isoformat(), "end": (monday + timedelta(weeks=1)).isoformat()}
        ref = subject.take_off(**week, hours="7.5")
        told = await told_of(subject, ref)
        assert done(await subject.connector.get("absence", ref)).values == told.as_dict()
        assert (told.hours, told.approved, told.entity) == (Decimal(45), True, "LF-US")
        assert told.kind == ""

    async def test_each_of_its_days_is_told_apart(self, subject: TimeOff) -> None:
        person = str(subject.control.do("hire")["id"])
        days = {"start": "2026-12-24", "end": "2026-12-28", "hours": "7.5"}
        subject.control.do("take_off", id=person, **days)
        subject.control.do("take_off", id=person, **days, status="requested")
        read = await subject.connector.get("availability", f"{person}\n2026-12-25\n2027-01-10")
        off = [(day["from_date"], day["hours"]) for day in done(read).values["absences"]]
        assert off == [("2026-12-25", Decimal("7.5")), ("2026-12-28", Decimal("7.5"))]

    async def test_a_request_that_is_taken_back_is_a_second_fact(self, subject: TimeOff) -> None:
        ref = subject.take_off()
        first = await told_of(subject, ref)
        subject.control.do("decide", id=ref, status="canceled")
        second = await told_of(subject, ref)
        assert (first.approved, second.approved) == (True, False)


async def told_of(subject: TimeOff, ref: str) -> Absence:
    """What the feed says of a request now."""
    told = [one.event.record for one in await subject.changes("")]
    return next(one for one in told if isinstance(one, Absence) and one.source_id == ref)


@conforming(People)
class TestBambooHR:
    @pytest.fixture
    def subject(self, town: Town) -> People:
        return People(town)

    async def test_an_error_inside_a_success_is_no_success(self, subject: People) -> None:
        await subject.messages(1)
        assert done(await subject.connector.get("webhook_log", "1")).values["deliveries"]
        subject.control.order("quota", count=1)
        verdict = await verdict_of(subject.connector.get("webhook_log", "1"))
        assert isinstance(verdict, TryLater), verdict
        assert (verdict.kind, verdict.after) == (Kind.RATE_LIMITED, None)

    async def test_an_outage_is_no_throttling(self, subject: People, tag: str) -> None:
        """Both are a 503; only the one that says when to come again has certainly done nothing."""
        await subject.prepare(tag)
        subject.control.order("server_error", count=1, status=503, operation="write")
        assert isinstance(await subject.write(tag), Unknown)

    async def test_a_message_and_a_poll_tell_one_fact(self, subject: People) -> None:
        cursor = await subject.drained()
        (message,) = await subject.messages(1)
        (told,) = subject.receive(message)
        polled = {change.event.id: change.event for change in await subject.changes(cursor)}
        assert polled[told.event.id].record == told.event.record
        assert subject.connector.retell("resource", told.raw) == told.event.record

    async def test_who_was_deleted_is_told_by_both(self, subject: People, tag: str) -> None:
        ref = await subject.existing(tag)
        cursor = await subject.drained()
        await subject.messages(0)
        subject.control.do("delete", id=ref)
        told = [change for sent in subject.last_sent(1) for change in subject.receive(sent)]
        polled = [c for c in await subject.changes(cursor) if c.event.record.source_id == ref]
        for change in (told[-1], polled[-1]):
            assert change.event.record == Resource(source_id=ref, status=ResourceStatus.REMOVED)
            assert subject.connector.retell("resource", change.raw) == change.event.record
        assert told[-1].event.id == polled[-1].event.id

    async def test_two_people_of_one_address_are_not_chosen_between(
        self, subject: People, tag: str
    ) -> None:
        first = await subject.existing(tag)
        address = subject.business_key(tag)["email"]
        found = done(await subject.connector.find("resource", {"email": address.upper()}))
        assert found.ref == first
        twin = str(subject.control.do("hire", workEmail=address)["id"])
        verdict = await subject.connector.find("resource", {"email": address})
        assert isinstance(verdict, Rejected)
        assert verdict.kind is Kind.DUPLICATE
        assert first in verdict.text and twin in verdict.text

    async def test_an_employee_in_canonical_words(self, subject: People) -> None:
        read = done(await subject.connector.get("resource", "1"))
        shown = {name: read.values[name] for name in ("name", "entity", "skills", "status")}
        assert shown == {
            "name": "Walter Brightwood",
            "entity": "LF-US",
            "skills": ("Client leadership", "Finance"),
            "status": ResourceStatus.ACTIVE,
        }
        assert read.values["from_date"] is not None
        assert read.values["to_date"] is None


def test_the_samples_are_read() -> None:
    employee = retold((SAMPLES / "employee.json").read_bytes())
    assert (employee.name, employee.cost_rate, employee.currency) == (
        "Cordelia Ashworthy",
        Decimal("148.00"),
        "GBP",
    )
    assert employee.weekly_hours == Decimal("37.5")
    changed, removed = told("hris", (SAMPLES / "webhook.json").read_bytes())
    assert changed.event.record == employee
    assert removed.event.record == Resource(source_id="23", status=ResourceStatus.REMOVED)
    assert from_json(Resource, to_json(employee)) == employee


def test_a_second_is_passed_only_when_it_is_over() -> None:
    """Else who changes later in it would stand behind the cursor."""
    second = datetime(2026, 11, 21, 9, 0, 7, tzinfo=UTC)
    page = [Changed(Place(second, 7), removed=False)]
    for settled, wanted in (
        (second.replace(microsecond=900_000), Place(second)),
        (second + timedelta(seconds=1), Place(second, 7)),
        (second - timedelta(seconds=9), Place(second - timedelta(seconds=9))),
    ):
        assert following(page, Place(second), has_more=False, settled=settled) == wanted
        assert following(page, Place(second), has_more=True, settled=settled) == page[0].place
