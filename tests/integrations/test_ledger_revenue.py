"""Revenue entries in the cloud ERPs: the common suite, and the vendors' own ways."""

from __future__ import annotations

from decimal import Decimal

import pytest

from controltower.canonical.verdicts import Kind, Outcome
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.erp import rejected
from tests.integrations.ledger import COMPANY, TODAY
from tests.integrations.ledger_revenue import MONTH, EarnedOnce, LedgerEntries, entry


class Central(LedgerEntries):
    """Each in a journal of its own, which is there when the entry is written."""

    name = "business_central"
    members = ("journalLines", "postingDate", "description")

    async def prepare(self, tag: str) -> None:
        await super().prepare(tag)
        code = self.business_key(tag)["reference"][-10:]
        self.control.do("open_journal", company=COMPANY, code=code)


class Suite(LedgerEntries):
    """Approved when they are posted. An upsert is answered without a body."""

    name = "netsuite"
    answers_writes = False
    members = ("id", "approvalStatus", "line", "currency", "tranDate")
    choices = ("approvalStatus",)


@conforming(Central, OF_AN_ENTITY)
class TestCentral(EarnedOnce):
    @pytest.fixture
    def subject(self, town: Town) -> Central:
        return Central(town)

    async def test_a_journal_that_holds_more_is_not_posted(
        self, subject: Central, tag: str
    ) -> None:
        """For posting it would book that as well."""
        drafted = done(await subject.connector.upsert("revenue_entry", entry(tag, "10.00"), "k"))
        code = subject.business_key(tag)["reference"][-10:]
        by_hand = {"code": code, "postingDate": TODAY.isoformat(), "amount": 5}
        subject.control.do("add_journal_line", company=COMPANY, **by_hand)
        posted = await subject.connector.act("revenue_entry", drafted.ref, "post", {}, "k")
        assert "holds other documents too" in rejected(posted, Kind.CONFLICT).text
        read = done(await subject.connector.get("revenue_entry", drafted.ref)).values
        assert (read["state"], read["amount"]) == ("draft", Decimal("10.00"))

    async def test_a_long_name_is_cut_and_the_mark_is_not(self, subject: Central, tag: str) -> None:
        record = entry(tag, "10.00", description="Somebody, somewhere, " * 9)
        made = done(await subject.connector.upsert("revenue_entry", record, "k"))
        assert (made.values["project"], made.values["period"]) == (f"P-{tag}", MONTH)
        same = done(await subject.connector.upsert("revenue_entry", record, "k"))
        assert same.outcome is Outcome.UNCHANGED


@conforming(Suite, OF_AN_ENTITY)
class TestSuite(EarnedOnce):
    @pytest.fixture
    def subject(self, town: Town) -> Suite:
        return Suite(town)
