"""The Coupa connector on the pretend instance: the common suite and the vendor's own ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from controltower.canonical.records import Purchase
from controltower.canonical.verdicts import Exchange, Kind, Rejected
from controltower.canonical.wire import from_json, to_json
from controltower.processes.catalogue import is_approved
from integrations import catalogue
from integrations.connector import CallFailed, Connection
from integrations.coupa.refusals import verdict_of
from integrations.coupa.translate import retold
from integrations.http import Answer
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.throttling import assert_throttled
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "coupa" / "samples"


class Instance(Subject):
    """The pretend instance, its limit of calls lifted: the suite calls as fast as it can."""

    name = "coupa"

    def __init__(self, town: Town) -> None:
        connection = Connection(
            "spend", town.urls[self.name], town.secrets[self.name], {}, DEADLINE
        )
        super().__init__(connection, town.controls[self.name])
        self.limit(0)

    def limit(self, per_second: int) -> None:
        """How many calls a second the instance takes, 0 for any number."""
        self.control.do("limit", per_second=per_second)

    def buy(self, **wanted: Any) -> str:
        """Approve a supplier's invoice; its id."""
        return str(self.control.do("approve_invoice", **wanted)["id"])


class Runs(Instance):
    """Our runs as what is written, purchases as what is fed."""

    entity = "integration_run"
    feed = "purchase"
    has_twins = True
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("id", "status", "external-id", "integration", "updated-at")
    feed_members = ("status", "currency", "supplier", "invoice-lines", "account", "tax-amount")
    row_member = "tax-amount"
    choices = ("status",)

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return {"external-id": tag, "details": name}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"reference": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["text"], self.amount

    async def make_twin(self, ref: str, tag: str) -> str:
        return done(await self.write(tag)).ref

    async def make_facts(self, count: int) -> list[str]:
        return [self.buy(project="a0P1") for _ in range(count)]


class Purchases(Instance):
    """Approved documents, which are read alone."""

    entity = "purchase"
    verb = ""
    has_money = True
    members = ("id", "status", "currency", "supplier", "invoice-lines", "tax-amount")
    choices = ("status",)

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        raise NotImplementedError

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"ref": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["number"], values["amount"]

    async def existing(self, tag: str) -> str:
        return self.buy(number=tag, amount=str(self.amount))


@conforming(Runs)
class TestCoupa:
    @pytest.fixture
    def subject(self, town: Town) -> Runs:
        return Runs(town)

    async def test_every_kind_of_document_is_a_purchase(self, subject: Runs) -> None:
        await subject.drained()
        made = {
            subject.buy(project="a0P1"),
            str(subject.control.do("issue_order", project="a0P1", entity="LF-UK")["id"]),
            str(subject.control.do("approve_report", project="a0P1", entity="LF-US")["id"]),
        }
        found = [change.event.record for change in await subject.changes("")]
        assert {record.source_id for record in found} == made
        shown = {(r.kind, r.entity, r.currency) for r in found if isinstance(r, Purchase)}
        assert shown == {
            ("invoice", "LF-DE", "EUR"), ("order", "LF-UK", "GBP"), ("report", "LF-US", "USD"),
        }  # fmt: skip

    async def test_what_is_not_approved_is_not_told(self, subject: Runs) -> None:
        await subject.drained()
        waiting = subject.buy(status="pending_approval")
        assert await subject.changes("") == []
        subject.control.do("change", id=waiting, fields={"status": "approved"})
        assert [c.event.record.source_id for c in await subject.changes("")] == [waiting]

    async def test_what_is_voided_is_told_as_approved_no_longer(self, subject: Runs) -> None:
        await subject.drained()
        bought = subject.buy()
        (first,) = await subject.changes("")
        await subject.connector.ack([first.event.id])
        voided = {"status": "voided", "exported": False}
        subject.control.do("change", id=bought, fields=voided)
        (second,) = await subject.changes("")
        assert is_approved(first.event) and not is_approved(second.event)
        assert second.event.subject == first.event.subject
        await subject.connector.ack([second.event.id])
        assert await subject.changes("") == []

    async def test_a_revised_order_is_a_second_fact(self, subject: Runs) -> None:
        await subject.drained()
        order = str(subject.control.do("issue_order", amount="100.00")["id"])
        (first,) = await subject.changes("")
        await subject.connector.ack([first.event.id])
        subject.control.do("revise_order", id=order, amount="120.00")
        (second,) = await subject.changes("")
        assert second.event.id != first.event.id
        assert second.event.version > first.event.version
        assert isinstance(second.event.record, Purchase)
        assert second.event.record.amount == Decimal("120.00")

    async def test_the_flag_never_hides_a_revision(self, subject: Runs) -> None:
        """An order is revised between our reading it and our flagging it."""
        await subject.drained()
        order = str(subject.control.do("issue_order", amount="100.00")["id"])
        (first,) = await subject.changes("")
        subject.control.do("revise_order", id=order, amount="120.00")
        await subject.connector.ack([first.event.id])
        (second,) = await subject.changes("")
        assert second.event.id != first.event.id
        await subject.connector.ack([second.event.id])
        assert await subject.changes("") == []

    async def test_more_than_a_burst_is_flagged_in_several_goes(self, subject: Runs) -> None:
        """What came too fast is told, stays unflagged, and comes again under the same id."""
        await subject.drained()
        made = {subject.buy(project="a0P1") for _ in range(40)}
        subject.limit(1)
        try:
            with pytest.raises(CallFailed) as failure:
                await subject.connector.ack([c.event.id for c in await subject.changes("")])
            assert_throttled(failure.value.verdict)
        finally:
            subject.limit(0)
        left = {change.event.record.source_id for change in await subject.changes("")}
        assert left < made
        await subject.drained()
        assert await subject.changes("") == []

    async def test_a_run_is_ended_once(self, subject: Runs, tag: str) -> None:
        run = done(await subject.write(tag))
        assert run.values["status"] == "pending"
        for _ in range(2):
            ended = await subject.connector.act(subject.entity, run.ref, "succeed", {}, tag)
            assert done(ended).values["status"] == "success"
        read = done(await subject.connector.get(subject.entity, run.ref))
        assert (read.values["reference"], read.values["status"]) == (tag, "success")

    async def test_an_error_is_reported_and_resolved(self, subject: Runs, tag: str) -> None:
        fields = {"external-id": tag, "details": "Account 9999 is not mapped.", "document-id": 7}
        made = done(await subject.connector.upsert("integration_error", fields, tag))
        assert (made.values["status"], made.values["document_id"]) == ("open", "7")
        found = await subject.connector.find("integration_error", {"reference": tag})
        assert done(found).ref == made.ref
        ended = await subject.connector.act("integration_error", made.ref, "resolve", {}, tag)
        assert done(ended).values["status"] == "resolved"

    async def test_a_refusal_names_its_fields(self, subject: Runs, tag: str) -> None:
        verdict = await subject.connector.upsert("integration_run", {"colour": "red"}, tag)
        assert isinstance(verdict, Rejected), verdict
        assert (verdict.text, verdict.fields[0].field) == ("Colour is not known.", "colour")


@conforming(Purchases, OF_AN_ENTITY)
class TestPurchases:
    @pytest.fixture
    def subject(self, town: Town) -> Purchases:
        return Purchases(town)

    async def test_lines_that_differ_are_not_taken_for_one(self, subject: Purchases) -> None:
        ref = subject.buy(project="a0P1", amount="10.00")
        read = done(await subject.connector.get("purchase", ref))
        row = json.loads((SAMPLES / "invoice.json").read_bytes())
        (line,) = row["invoice-lines"]
        other = line | {"total": "20.00", "custom-fields": {"project": "P2", "re-billable": True}}
        subject.control.do("change", id=ref, fields={"invoice-lines": [line, other]})
        twofold = done(await subject.connector.get("purchase", ref)).values
        assert (read.values["project_id"], read.values["amount"]) == ("a0P1", Decimal("10.00"))
        assert twofold["project_id"] == "a0P000000000001AAA, P2"
        assert (twofold["amount"], twofold["billable"]) == (Decimal("500.00"), True)


def test_the_samples_are_read() -> None:
    raw = b'{"invoice":' + (SAMPLES / "invoice.json").read_bytes() + b"}"
    found = retold(raw)
    assert (found.source_id, found.amount, found.tax) == (
        "invoice-1001",
        Decimal("480.00"),
        Decimal("91.20"),
    )
    assert (found.entity, found.account_code, found.supplier_country) == ("LF-DE", "6020", "DE")
    assert from_json(Purchase, to_json(found)) == found


def test_a_refusal_is_a_sentence_of_each_complaint() -> None:
    body = (SAMPLES / "refusal.json").read_bytes()
    verdict = verdict_of(Answer(400, CIMultiDict(), body, Exchange()), writing=True)
    assert isinstance(verdict, Rejected)
    assert verdict.kind is Kind.VALIDATION
    assert verdict.text == (
        "Account is not active. Account is not in the chart of this company. "
        "Currency can't be blank."
    )
    assert [problem.field for problem in verdict.fields] == ["account", "account", "currency"]
