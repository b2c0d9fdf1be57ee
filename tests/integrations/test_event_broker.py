"""The event broker's connector on a real Valkey server: the common suite, and streams' ways."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.events import CONTRACT_SIGNED
from controltower.canonical.verdicts import (
    Kind,
    Misconfigured,
    Outcome,
    Rejected,
    TryLater,
    Unknown,
)
from integrations import catalogue
from integrations.connector import Connection
from integrations.event_broker import events
from integrations.event_broker.feed import Place
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import assert_absent, done, verdict_of
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "event_broker" / "samples"
OURS = ("user", "password")


class Events(Subject):
    """Events of ours as what is written, those of others as what is read."""

    name = "event_broker"
    entity = feed = "event"
    has_money = True
    is_lasting = True
    over_http = False
    says_when = False
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    public = ("user",)
    row_member = "value"
    libraries = sys.stdlib_module_names | {"integrations", "controltower", "redis"}

    def __init__(self, town: Town) -> None:
        secrets = {name: town.secrets[self.name][name] for name in OURS}
        options = {"patience_seconds": 86_400}
        connection = Connection("broker", town.urls[self.name], secrets, options, DEADLINE)
        super().__init__(connection, town.controls[self.name])

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {
            "id": tag, "type": "invoice.posted", "subject": f"fact/{tag}", "partitionkey": tag,
            "sequence": "2026-11-20T14:05:00+00:00", "time": "2026-11-20T14:05:00+00:00",
            "name": name, "currency": "EUR", "amount": amount,
        }  # fmt: skip

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"id": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], Decimal(values["amount"])

    async def make_facts(self, count: int) -> list[str]:
        return [self.publish()["id"] for _ in range(count)]

    async def spoil(self, made: Sequence[str]) -> list[str]:
        event = self.publish(data={"source_id": "C-1", "value": "a lot"})
        return [event["id"]]

    def publish(self, **wanted: Any) -> dict[str, Any]:
        """Let the contract platform tell that a contract was signed."""
        data = {"source_id": "", "name": "Solvik rollout", "currency": "EUR", "value": "48200.00"}
        data["source_id"] = event_id = f"S-{uuid.uuid4().hex[:12]}"
        return self.control.do(
            "publish", **{"id": event_id, "type": CONTRACT_SIGNED, "data": data, **wanted}
        )

    @property
    def waiting(self) -> int:
        """How much the group was given and has not acknowledged."""
        return int(self.control.do("waiting")["entries"])


@conforming(Events)
class TestEventBroker:
    @pytest.fixture
    def subject(self, town: Town) -> Iterator[Events]:
        subject = Events(town)
        subject.control.do("hold")
        yield subject
        subject.control.do("release")

    async def test_it_is_published_once_and_says_what_it_was_given(
        self, subject: Events, tag: str
    ) -> None:
        sent = [done(await subject.write(tag)) for _ in range(3)]
        assert [one.outcome for one in sent] == [
            Outcome.CREATED, Outcome.ALREADY_DONE, Outcome.ALREADY_DONE,
        ]  # fmt: skip
        (event,) = subject.control.do("held", name="name", value="Conformance")["events"][-1:]
        assert (event["id"], event["source"]) == (tag, "/control-tower")
        assert event["specversion"] == "1.0"
        assert event["data"] == {
            "name": "Conformance", "currency": "EUR", "amount": str(subject.amount),
        }  # fmt: skip

    async def test_half_an_answer_to_a_write_tells_nothing(self, subject: Events, tag: str) -> None:
        subject.control.order("garbled", count=1, operation="write")
        assert isinstance(await subject.write(tag), Unknown)
        assert done(await subject.write(tag)).outcome is Outcome.ALREADY_DONE

    async def test_half_an_answer_to_a_question_is_asked_again(self, subject: Events) -> None:
        await subject.drained()
        made = await subject.make_facts(2)
        subject.control.order("garbled", count=1, operation="XREADGROUP")
        page = await verdict_of(subject.connector.read_changes("event", "", 10))
        assert isinstance(page, TryLater)
        assert [c.event.record.source_id for c in await subject.taken("")] == made

    async def test_what_a_dead_consumer_was_given_is_taken_over(self, subject: Events) -> None:
        await subject.changes(await subject.drained())
        made = await subject.make_facts(3)
        subject.control.do("take_away")
        assert await subject.changes("") == []
        async with subject.elsewhere(options={"patience_seconds": 0}) as heir:
            page = await heir.read_changes("event", "", 10)
            assert [c.event.record.source_id for c in page.changes] == made
            await heir.ack([c.event.id for c in page.changes])
        assert subject.waiting == 0

    async def test_what_was_trimmed_unread_is_a_gap_that_is_told_once(
        self, subject: Events
    ) -> None:
        cursor = await subject.drained()
        made = await subject.make_facts(5)
        subject.control.do("trim", keeps=2)
        page = await subject.connector.read_changes("event", cursor, 10)
        assert page.gap
        seen = [c.event.record.source_id for c in page.changes]
        assert seen and set(seen) < set(made)
        await subject.connector.ack([c.event.id for c in page.changes])
        after = await subject.connector.read_changes("event", page.next_cursor, 10)
        assert (list(after.changes), after.gap) == ([], False)

    async def test_what_was_trimmed_before_we_kept_it_is_a_gap(self, subject: Events) -> None:
        cursor = await subject.drained()
        await subject.make_facts(2)
        await subject.connector.read_changes("event", cursor, 10)
        subject.control.do("trim", keeps=0)
        page = await subject.connector.read_changes("event", cursor, 10)
        assert (list(page.changes), page.gap) == ([], True)
        after = await subject.connector.read_changes("event", page.next_cursor, 10)
        assert not after.gap
        assert subject.waiting == 0

    async def test_what_nobody_takes_is_passed_over(self, subject: Events) -> None:
        cursor = await subject.drained()
        subject.control.do("publish")
        made = await subject.make_facts(1)
        page = await subject.connector.read_changes("event", cursor, 10)
        assert [c.event.record.source_id for c in page.changes] == made
        await subject.connector.ack([c.event.id for c in page.changes])
        await subject.connector.read_changes("event", page.next_cursor, 10)
        assert subject.waiting == 0

    async def test_a_producer_that_tells_twice_has_told_one_fact(self, subject: Events) -> None:
        cursor = await subject.drained()
        subject.publish(times=2)
        (told,) = await subject.changes(cursor)
        await subject.connector.ack([told.event.id])
        assert await subject.changes(cursor) == []

    async def test_two_producers_may_use_one_id(self, subject: Events) -> None:
        cursor = await subject.drained()
        first = subject.publish()
        subject.publish(id=first["id"], source="/larkfield/another")
        assert len({c.event.id for c in await subject.taken(cursor)}) == 2

    @pytest.mark.parametrize(
        "broken",
        [
            {"raw": '{"type": "contract.signed", "specversion": "1.0"'},
            {"raw": '{"type": "contract.signed", "specversion": "0.3", "id": "1", "source": "x"}'},
            {"type": CONTRACT_SIGNED, "data": {"source_id": "C-1", "value": "a lot"}},
        ],
    )
    async def test_what_cannot_be_read_is_kept_as_it_came(
        self, subject: Events, broken: dict[str, Any]
    ) -> None:
        cursor = await subject.drained()
        if str(broken.get("raw", "")).endswith('"1.0"'):
            broken = {"raw": broken["raw"].replace("{", "{{")}
        subject.control.do("publish", **broken)
        made = await subject.make_facts(1)
        page = await subject.connector.read_changes("event", cursor, 10)
        assert [c.event.record.source_id for c in page.changes] == made
        (kept,) = page.aside
        assert kept.raw.decode() == broken.get("raw", kept.raw.decode())
        assert b"contract.signed" in kept.raw
        await subject.connector.ack([c.event.id for c in page.changes])
        await subject.connector.read_changes("event", page.next_cursor, 10)
        assert subject.waiting == 0

    async def test_a_right_that_is_missing_is_ours_to_mend(self, subject: Events) -> None:
        async with subject.elsewhere(options={"publishes": "salaries"}) as connector:
            verdict = await connector.upsert("event", subject.record("x", "x", Decimal(1)), "x")
        assert isinstance(verdict, Misconfigured)
        assert verdict.kind is Kind.PERMISSION

    async def test_an_event_says_what_it_is_about(self, subject: Events, tag: str) -> None:
        record = {**subject.record(tag, "x", Decimal(1)), "type": ""}
        verdict = await subject.connector.upsert("event", record, tag)
        assert isinstance(verdict, Rejected)
        assert verdict.kind is Kind.VALIDATION
        assert_absent(await subject.find(tag))

    async def test_several_readers_lose_nothing_and_stop_nobody(self, subject: Events) -> None:
        await subject.drained()
        made = set(await subject.make_facts(6))
        options = {**subject.connection.options, "consumer": "other"}
        other = subject.connect(replace(subject.connection, options=options))
        pages = await asyncio.gather(
            *(one.read_changes("event", "", 3) for one in (subject.connector, other))
        )
        seen = {c.event.record.source_id for page in pages for c in page.changes}
        assert seen == made
        for one, page in zip((subject.connector, other), pages, strict=True):
            await one.ack([c.event.id for c in page.changes])
        await other.close()
        assert subject.waiting == 0


def test_the_samples_are_read() -> None:
    said = events.values_of((SAMPLES / "published.json").read_bytes())
    assert (said["type"], Decimal(said["amount"])) == ("invoice.posted", Decimal("5292.50"))
    raw = (SAMPLES / "read.json").read_bytes()
    change = events.change("broker/event", events.Entry("1-0", raw))
    assert change is not None
    assert change.event.id == "/larkfield/contracts E-17"
    assert change.event.subject == "contract:C-17"
    assert events.retold(raw) == change.event.record


@pytest.mark.parametrize(
    "cursor",
    ["", "garbage", "9" * 400, "[]", '{"after": "x", "passed": [], "missed": 0}',
     json.dumps({"after": "", "passed": ["1-0", 7], "missed": 0})],
)  # fmt: skip
def test_an_unreadable_cursor_begins_with_what_was_not_acknowledged(cursor: str) -> None:
    assert Place.read(cursor) == Place()


def test_a_cursor_comes_back_as_it_was() -> None:
    place = Place("17-0", ("1-0", "2-0"), 3, joined=True)
    assert Place.read(place.text()) == place
