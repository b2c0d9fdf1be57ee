"""The ADP payroll connector on the pretend provider: the common suite and the vendor's own ways."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from controltower.canonical.records import LabourCost
from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    Misconfigured,
    Outcome,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
)
from controltower.canonical.wire import from_json, to_json
from controltower.supervisor.certificates import Authority
from integrations import catalogue
from integrations.connector import CallFailed, Connection
from integrations.http import Answer
from integrations.payroll.refusals import verdict_of as refused_as
from integrations.payroll.translate import changes
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import done, verdict_of
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "payroll" / "samples"
OURS = ("client_id", "client_secret", "certificate", "private_key", "authority")
HOURS = {
    "payroll_group": "LF-DE", "batch": "2026-11 A", "worker": "G3ABC", "earning_code": "R",
    "hours": "152.5",
}  # fmt: skip


class Payrolls(Subject):
    """Accepted payrolls as what is read, and what the queue tells."""

    name = "payroll"
    entity = feed = "labour_cost"
    verb = ""
    has_money = True
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    public = ("certificate", "authority")
    members = (
        "payrollOutputs",
        "itemID",
        "payPeriod",
        "totalCostAmount",
        "laborCosts",
        "costNumber",
    )
    feed_members = ("events",)
    row_member = "eventNameCode"
    choices = ("codeValue",)

    def __init__(self, town: Town) -> None:
        secrets = {name: town.secrets[self.name][name] for name in OURS}
        connection = Connection("pay", town.urls[self.name], secrets, {}, DEADLINE)
        super().__init__(connection, town.controls[self.name])

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        raise NotImplementedError

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"number": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["number"], values["amount"]

    async def existing(self, tag: str) -> str:
        return self.run(amount=str(self.amount))

    async def make_facts(self, count: int) -> list[str]:
        return [self.run() for _ in range(count)]

    async def spoil(self, made: Sequence[str]) -> list[str]:
        """A message of an event that nobody has agreed on, which names no payroll."""
        self.control.do("notify", event="worker.hire")
        return [""]

    def run(self, **wanted: Any) -> str:
        """Let a payroll be accepted; its number."""
        return str(self.control.do("run_payroll", **wanted)["id"])

    @property
    def waiting(self) -> int:
        """How many messages the provider's queue holds."""
        return int(self.control.do("waiting")["messages"])


@conforming(Payrolls)
class TestPayroll:
    @pytest.fixture
    def subject(self, town: Town) -> Payrolls:
        return Payrolls(town)

    async def test_the_queue_shows_its_oldest_message_until_that_is_deleted(
        self, subject: Payrolls
    ) -> None:
        await subject.drained()
        first, second = await subject.make_facts(2)
        for _ in range(2):
            (shown,) = await subject.changes("")
            assert shown.event.record.source_id == first
        assert subject.waiting == 2
        await subject.connector.ack([shown.event.id])
        assert [c.event.record.source_id for c in await subject.taken("")] == [second]
        assert subject.waiting == 0

    async def test_a_message_whose_deletion_failed_comes_again(self, subject: Payrolls) -> None:
        await subject.drained()
        made = await subject.make_facts(1)
        page = await subject.connector.read_changes(subject.feed, "", 10)
        ids = [change.event.id for change in page.changes]
        subject.control.order("server_error", count=1, operation="write")
        with pytest.raises(CallFailed) as failure:
            await subject.connector.ack(ids)
        assert isinstance(failure.value.verdict, TryLater | Unavailable)
        end = await subject.connector.read_changes(subject.feed, page.next_cursor, 10)
        assert (list(end.changes), end.next_cursor, end.has_more) == ([], "", False)
        (again,) = await subject.taken("")
        assert ([again.event.id], [again.event.record.source_id]) == (ids, made)

    async def test_what_nobody_has_agreed_on_is_deleted_once_it_is_kept(
        self, subject: Payrolls
    ) -> None:
        await subject.drained()
        await subject.spoil([])
        page = await subject.connector.read_changes(subject.feed, "", 10)
        assert subject.waiting == 1
        (kept,) = page.aside
        assert json.loads(kept.raw)["eventNameCode"] == {"codeValue": "worker.hire"}
        await subject.connector.ack([kept.told_as])
        assert subject.waiting == 0

    async def test_half_a_message_stays_in_the_queue(self, subject: Payrolls) -> None:
        await subject.drained()
        await subject.make_facts(1)
        subject.control.order("drift", count=1, code="missing", text="events", operation="read")
        verdict = await verdict_of(subject.connector.read_changes(subject.feed, "", 10))
        assert isinstance(verdict, Misconfigured)
        assert verdict.kind is Kind.CONTRACT
        assert len(await subject.taken("")) == 1

    async def test_the_parts_are_the_whole(self, subject: Payrolls) -> None:
        ref = subject.run(entity="LF-UK", amount="100000.01")
        read = done(await subject.connector.get(subject.entity, ref)).values
        assert (read["entity"], read["currency"]) == ("LF-UK", "GBP")
        assert sum(part["amount"] for part in read["parts"]) == Decimal("100000.01")

    async def test_who_has_no_certificate_is_told_before_anything_is_sent(
        self, subject: Payrolls
    ) -> None:
        secrets = {**subject.connection.secrets, "certificate": ""}
        async with subject.elsewhere(secrets=secrets) as connector:
            verdict = await connector.health()
        assert isinstance(verdict, Misconfigured)
        assert verdict.kind is Kind.AUTH
        assert verdict.exchange is None

    async def test_somebody_elses_certificate_opens_nothing(self, subject: Payrolls) -> None:
        certificate, key = Authority("Nobody's").certify("control-tower")
        secrets = {**subject.connection.secrets, "client_id": "stranger"}
        secrets |= {"certificate": certificate, "private_key": key}
        async with subject.elsewhere(secrets=secrets) as connector:
            assert isinstance(await connector.health(), Unavailable)

    async def test_a_provider_of_another_authority_is_not_trusted(self, subject: Payrolls) -> None:
        secrets = {**subject.connection.secrets, "authority": Authority("Nobody's").certificate}
        async with subject.elsewhere(secrets=secrets) as connector:
            verdict = await connector.health()
        assert isinstance(verdict, Unavailable)
        assert "certificate is not trusted" in verdict.text

    async def test_hours_are_handed_in_once_and_never_guessed(self, subject: Payrolls) -> None:
        hand_in = subject.connector.act
        before = len(subject.control.do("inputs")["inputs"])
        taken = done(await hand_in("pay_input", "", "submit", HOURS, "k"))
        assert taken.outcome is Outcome.CREATED
        given = subject.control.do("inputs")["inputs"]
        assert len(given) == before + 1
        assert '"numberOfHours": "152.5"' in json.dumps(given[-1])
        subject.control.order("commit_then_drop", count=1, operation="write")
        assert isinstance(await hand_in("pay_input", "", "submit", HOURS, "k"), Unknown)
        subject.control.order("throttle", count=1, operation="write")
        assert isinstance(await hand_in("pay_input", "", "submit", HOURS, "k"), TryLater)
        wrong = {**HOURS, "payroll_group": "LF-XX"}
        refused = await hand_in("pay_input", "", "submit", wrong, "k")
        assert isinstance(refused, Rejected)
        assert refused.text == "Invalid payroll group code LF-XX."


def test_the_sample_is_read() -> None:
    body = (SAMPLES / "message.json").read_bytes()
    ((change,), aside) = changes("pay", "0x_01", body)
    assert not aside
    found = change.event.record
    assert isinstance(found, LabourCost)
    assert change.event.id.endswith("@0x_01")
    assert (found.entity, found.amount, len(found.parts)) == ("LF-DE", Decimal("151368.40"), 2)
    assert sum(part.amount for part in found.parts) == found.amount
    assert from_json(LabourCost, to_json(found)) == found


def test_a_refusal_is_said_in_the_vendors_words() -> None:
    body = (SAMPLES / "refusal.json").read_bytes()
    verdict = refused_as(Answer(400, CIMultiDict(), body, Exchange()), writing=True)
    assert isinstance(verdict, Rejected)
    assert verdict.text == "Invalid payroll group code LF-XX."


def test_a_503_of_some_box_on_the_way_is_no_throttling() -> None:
    box = Answer(503, CIMultiDict(), b"<html>Unavailable</html>", Exchange())
    assert isinstance(refused_as(box, writing=True), Unknown)
