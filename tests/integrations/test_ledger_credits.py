"""Credit notes in the cloud ERPs: the common suite, and never more than was invoiced."""

from __future__ import annotations

from decimal import Decimal

import pytest

from controltower.canonical.verdicts import Kind, Outcome
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.feeds import Feeds
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.erp import rejected
from tests.integrations.ledger import (
    COMPANY,
    TODAY,
    CentralPapers,
    CreditedOnce,
    LedgerCredits,
    credit,
)


class Central(CentralPapers, LedgerCredits):
    """Sales credit memos of one company."""

    row_operation = "read */salesCreditMemos"


class Suite(LedgerCredits):
    """Credit memos of one subsidiary, which are booked at once. An upsert is answered without a
    body."""

    name = "netsuite"
    answers_writes = False
    is_lasting = True
    members = ("id", "status", "subtotal", "currency", "tranDate")
    row_member, row_operation = "subtotal", "read */creditMemo/{ref}"
    choices = ("status",)

    async def touch(self, ref: str) -> None:
        self.control.do("remark", id=ref, kind="creditMemo")


@conforming(Central, (*OF_AN_ENTITY, Feeds))
class TestCentral(CreditedOnce):
    @pytest.fixture
    def subject(self, town: Town) -> Central:
        return Central(town)

    async def test_a_draft_is_changed_and_posted_once(self, subject: Central, tag: str) -> None:
        ref = await subject.existing(tag)
        changed = await subject.write(tag, name="Another text", amount=Decimal("12.34"))
        assert done(changed).outcome is Outcome.UPDATED
        for outcome in (Outcome.UPDATED, Outcome.ALREADY_DONE):
            posted = done(await subject.connector.act("credit_note", ref, "post", {}, tag))
            assert posted.outcome is outcome
        assert subject.shown(posted.values) == ("Another text", Decimal("12.34"))
        assert posted.values["number"].startswith("PS-CR")

    async def test_a_credit_of_all_that_is_open_settles_the_invoice(
        self, subject: Central, tag: str
    ) -> None:
        number = await subject.invoiced(tag, "100.00")
        cursor = await subject.drained()
        record = credit(f"{tag}-1", number, "100.00", tag)
        ref = done(await subject.connector.upsert("credit_note", record, tag)).ref
        posted = done(await subject.connector.act("credit_note", ref, "post", {}, tag))
        assert posted.values["state"] == "paid"
        found = done(
            await subject.connector.find("invoice", {"reference": tag, "company": COMPANY})
        )
        assert (found.values["state"], found.values["number"]) == ("paid", number)
        assert len([one for one in await subject.events(cursor) if f":{ref}:" in one]) == 1

    async def test_a_closed_period_has_its_own_kind(self, subject: Central, tag: str) -> None:
        ref = await subject.existing(tag)
        month = {"company": COMPANY, "period": f"{TODAY:%Y-%m}"}
        subject.control.do("close_period", **month)
        try:
            posted = await subject.connector.act("credit_note", ref, "post", {}, tag)
            record = subject.record(tag, "Conformance", Decimal(1))
            checked = await subject.connector.check("credit_note", record)
        finally:
            subject.control.do("reopen_period", **month)
        rejected(posted, Kind.PERIOD_CLOSED)
        assert checked is not None
        rejected(checked, Kind.PERIOD_CLOSED)


@conforming(Suite, (*OF_AN_ENTITY, Feeds))
class TestSuite(CreditedOnce):
    @pytest.fixture
    def subject(self, town: Town) -> Suite:
        return Suite(town)

    async def test_what_is_booked_is_changed_by_nobody(self, subject: Suite, tag: str) -> None:
        ref = await subject.existing(tag)
        refused = rejected(await subject.write(tag, name="Another text"), Kind.CONFLICT)
        assert "is booked in NetSuite and says something else" in refused.text
        posted = done(await subject.connector.act("credit_note", ref, "post", {}, tag))
        assert posted.values["number"].startswith("CM")
        assert (posted.outcome, posted.values["state"]) == (Outcome.ALREADY_DONE, "paid")

    async def test_a_credit_of_all_that_is_open_settles_the_invoice(
        self, subject: Suite, tag: str
    ) -> None:
        number = await subject.invoiced(tag, "100.00")
        for amount, state in (("40.00", "posted"), ("60.00", "paid")):
            record = credit(f"{tag}-{amount}", number, amount, tag)
            done(await subject.connector.upsert("credit_note", record, tag))
            found = done(await subject.connector.find("invoice", {"reference": tag}))
            assert found.values["state"] == state

    async def test_a_closed_period_refuses_it_whole(self, subject: Suite, tag: str) -> None:
        number = await subject.invoiced(tag, "100.00")
        record, month = credit(f"{tag}-1", number, "40.00", tag), f"{TODAY:%Y-%m}"
        subject.control.do("close_period", period=month)
        try:
            written = await subject.connector.upsert("credit_note", record, tag)
            checked = await subject.connector.check("credit_note", record)
        finally:
            subject.control.do("reopen_period", period=month)
        rejected(written, Kind.PERIOD_CLOSED)
        assert checked is not None
        rejected(checked, Kind.PERIOD_CLOSED)
        missing = await subject.connector.find("credit_note", {"reference": f"{tag}-1"})
        rejected(missing, Kind.NOT_FOUND)
