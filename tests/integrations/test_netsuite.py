"""The NetSuite connector on the pretend account: the common suite and the vendor's own ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Outcome,
    Pending,
    Rejected,
    TryLater,
    Verdict,
)
from integrations import catalogue, exact_json
from integrations.netsuite import jobs
from integrations.netsuite.translate import invoice as read_invoice
from integrations.sandbox.netsuite.server import MOST_CALLS
from integrations.sandbox.netsuite.suiteql import Unreadable, asked
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.erp import rejected
from tests.integrations.ledger import (
    COMPANY,
    TODAY,
    KeptUpToDate,
    LedgerCustomers,
    LedgerInvoices,
    LedgerSubject,
    customer,
    invoice,
)

SAMPLES = Path(catalogue.__file__).parent / "netsuite" / "samples"


class NetSuite(LedgerSubject):
    """What both entities share. An upsert is answered without a body."""

    name = "netsuite"
    answers_writes = False


class Invoices(NetSuite, LedgerInvoices):
    """Invoices of one subsidiary."""

    throttles = ({"kind": "throttle"}, {"kind": "quota"}, {"kind": "quota", "status": 400})
    members = ("id", "status", "subtotal", "currency", "tranDate")
    row_member, row_operation = "subtotal", "read */invoice/{ref}"
    choices = ("status",)

    async def touch(self, ref: str) -> None:
        self.control.do("remark", id=ref)


class Customers(NetSuite, LedgerCustomers):
    """Customers under our number."""

    feed = "customer"
    row_member, row_operation = "entityId", "read */customer/{ref}"
    members = ("id", "entityId", "companyName", "addressBook")

    async def touch(self, ref: str) -> None:
        self.control.do("save_customer", id=ref)


@conforming(Invoices)
class TestInvoices:
    @pytest.fixture
    def subject(self, town: Town) -> Invoices:
        return Invoices(town)

    @pytest.fixture
    async def held(self, town: Town, subject: Invoices) -> AsyncIterator[Invoices]:
        """A connector that has invoices of several lines written as jobs, which wait."""
        await subject.welcome()
        subject.control.do("hold_jobs")
        large = Invoices(town, most_lines=1)
        yield large
        await large.connector.close()
        subject.control.do("release_jobs")

    async def test_a_closed_period_has_its_own_kind(self, subject: Invoices, tag: str) -> None:
        ref = await subject.existing(tag)
        month = f"{TODAY:%Y-%m}"
        subject.control.do("close_period", month=month)
        try:
            posted = await subject.connector.act("invoice", ref, "post", {}, tag)
            checked = await subject.connector.check("invoice", invoice(f"{tag}-2"))
            period = done(await subject.connector.find("period", {"date": TODAY.isoformat()}))
        finally:
            subject.control.do("reopen_period", month=month)
        assert rejected(posted, Kind.PERIOD_CLOSED).fields[0].field == "invoice_date"
        assert isinstance(checked, Rejected) and checked.kind is Kind.PERIOD_CLOSED
        assert period.values["state"] == "closed"
        assert await subject.connector.check("invoice", invoice(f"{tag}-2")) is None
        assert done(await subject.connector.get("invoice", ref)).values["state"] == "draft"

    async def test_all_that_is_not_known_is_told_at_once(self, subject: Invoices, tag: str) -> None:
        record = invoice(tag, party_code="C-NOBODY", payment_term="NET7", currency="CHF")
        record["lines"][0] |= {"tax_code": "GB-99", "account_code": "9.9.9"}
        refusal = rejected(
            await subject.connector.upsert("invoice", record, tag), Kind.REFERENCE_MISSING
        )
        for words in ("C-NOBODY", "NET7", "GB-99", "9.9.9", "CHF"):
            assert words in refusal.text

    async def test_posting_is_approving_and_twice_is_once(
        self, subject: Invoices, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        on = TODAY.replace(day=1).isoformat()
        posted = done(
            await subject.connector.act("invoice", ref, "post", {"invoice_date": on}, tag)
        )
        assert posted.values["number"].startswith("INV")
        assert posted.values["invoice_date"].isoformat() == on
        again = done(await subject.connector.act("invoice", ref, "post", {}, tag))
        assert (again.outcome, again.values["state"]) == (Outcome.ALREADY_DONE, "posted")
        assert done(await subject.write(tag)).outcome is Outcome.ALREADY_DONE

    async def test_a_large_invoice_is_a_job_that_is_known_again(
        self, held: Invoices, tag: str
    ) -> None:
        first, again = await _sent_large(held, tag), await _sent_large(held, tag)
        assert isinstance(first, Pending) and isinstance(again, Pending)
        assert first.job and again.job == first.job
        rejected(await held.find(tag), Kind.NOT_FOUND)
        another = await _sent_large(held, tag, description="Another")
        assert isinstance(another, Pending) and another.job != first.job
        held.control.do("release_jobs")
        found = done(await held.find(tag))
        assert (len(found.values["lines"]), found.values["description"]) == (3, "Another")
        assert done(await _sent_large(held, tag, description="Another")).ref == found.ref

    async def test_what_a_job_failed_of_is_told_and_does_not_stand_in_the_way(
        self, held: Invoices, tag: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await _sent_large(held, tag)
        held.control.do("release_jobs", refusing="Please enter a value for: Department.")
        refused = rejected(await _sent_large(held, tag), Kind.VALIDATION)
        assert "Department" in refused.text
        rejected(await held.find(tag), Kind.NOT_FOUND)
        monkeypatch.setattr(jobs, "FRESH", timedelta(0))
        assert isinstance(await _sent_large(held, tag), Pending)
        assert len(done(await _sent_large(held, tag)).values["lines"]) == 3

    async def test_too_many_calls_at_once_are_for_later_and_none_is_lost(
        self, subject: Invoices, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        subject.control.do("limit_calls", calls=1)
        subject.control.order("slow", milliseconds=300)
        try:
            reads = await asyncio.gather(*(subject.connector.get("invoice", ref) for _ in range(4)))
        finally:
            subject.control.do("limit_calls", calls=MOST_CALLS)
        late = [verdict for verdict in reads if isinstance(verdict, TryLater)]
        assert late and {verdict.kind for verdict in late} == {Kind.RATE_LIMITED}
        assert len(late) + sum(isinstance(verdict, Done) for verdict in reads) == len(reads)

    async def test_work_is_found_by_what_it_leaves_on_the_lines(
        self, subject: Invoices, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        find, carried = subject.connector.find, f" · {tag}"
        by_all = await find("invoice", {"reference": "another", "facts": [carried]})
        assert done(by_all).ref == ref
        assert done(await find("invoice", {"fact": carried})).ref == ref
        some = {"reference": "another", "facts": [carried, " · not there"]}
        rejected(await find("invoice", some), Kind.DUPLICATE)
        rejected(await find("invoice", {"fact": "%"}), Kind.NOT_FOUND)

    async def test_pages_of_the_vendors_are_followed(self, town: Town, subject: Invoices) -> None:
        await subject.make_facts(5)
        short = Invoices(town, page_size=2)
        paged = {change.event.record.source_id for change in await short.changes("")}
        await short.connector.close()
        whole = {change.event.record.source_id for change in await subject.changes("")}
        assert paged == whole and len(whole) >= 5

    async def test_payment_is_a_fact_of_its_own(self, subject: Invoices, tag: str) -> None:
        ref = await subject.booked(tag)
        subject.control.do("pay_invoice", id=ref)
        kinds = [c.event.type for c in await subject.changes("") if c.event.record.source_id == ref]
        assert kinds == ["invoice.paid"]

    async def test_an_accountant_reads_what_was_posted_and_paid(
        self, subject: Invoices, tag: str
    ) -> None:
        await subject.is_read_by_an_accountant(tag)

    async def test_a_key_that_is_none_is_refused_by_the_vendor(self, subject: Invoices) -> None:
        secrets = {**subject.connection.secrets, "private_key": "not a key"}
        async with subject.elsewhere(secrets=secrets) as connector:
            verdict = await connector.health()
        assert not isinstance(verdict, Done)
        assert "refused" in getattr(verdict, "text", "")


async def _sent_large(subject: Invoices, tag: str, **other: Any) -> Verdict:
    record = invoice(tag, **other)
    return await subject.connector.upsert("invoice", record | {"lines": record["lines"] * 3}, tag)


@conforming(Customers, OF_AN_ENTITY)
class TestCustomers(KeptUpToDate):
    @pytest.fixture
    def subject(self, town: Town) -> Customers:
        return Customers(town)

    async def test_a_customer_is_known_by_its_vat_number(
        self, subject: Customers, tag: str
    ) -> None:
        vat = f"GB{int(tag[-8:], 16):010d}"
        older = customer(f"K-{tag[-8:]}", "An older name", vat_number=vat)
        ref = done(await subject.connector.upsert("customer", older, tag)).ref
        same = customer(tag[-20:], "A newer name", vat_number=vat)
        found = done(await subject.connector.upsert("customer", same, tag))
        assert (found.ref, found.outcome) == (ref, Outcome.UNCHANGED)
        assert found.values["code"] == older["code"]
        assert found.values["entity"] == COMPANY

    async def test_a_customer_that_was_numbered_by_hand_is_changed_not_doubled(
        self, subject: Customers, tag: str
    ) -> None:
        code = tag[-20:]
        ref = subject.control.do("add_customer", entityId=code, companyName="By hand")["id"]
        written = done(await subject.connector.upsert("customer", customer(code, "Ours"), tag))
        assert (written.ref, written.values["name"]) == (ref, "Ours")

    async def test_a_company_that_is_not_there_is_named(self, subject: Customers, tag: str) -> None:
        record = customer(tag[-20:], "Nobody", company="LF-XX")
        refusal = rejected(
            await subject.connector.upsert("customer", record, tag), Kind.REFERENCE_MISSING
        )
        assert "LF-XX" in refusal.text


def test_the_samples_are_read() -> None:
    row = exact_json.decode((SAMPLES / "invoice.json").read_bytes())
    found = read_invoice(row, "LF-UK")
    assert (found.number, found.state, found.customer_code) == ("INV000017", "posted", "C-KNOWN")
    assert (found.untaxed, found.tax, found.total) == tuple(
        map(Decimal, ("1076.63", "215.33", "1291.96"))
    )
    assert found.lines[0].account_code == "4.2.2"


def test_a_query_reads_and_nothing_else() -> None:
    tables = {"item": (("id", "externalid"), [{"id": "1", "externalid": "4.2.2"}])}
    assert asked("SELECT id FROM item WHERE externalid = '4.2.2'", tables) == [{"id": "1"}]
    for query in ("DELETE FROM item", "SELECT nothing FROM item", "ATTACH 'x' AS y", ""):
        with pytest.raises(Unreadable):
            asked(query, tables)
