"""The Business Central connector on the pretend environment: the common suite and the vendor's own
ways."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, TryLater
from integrations import catalogue, exact_json
from integrations.business_central.codes import Company
from integrations.business_central.read_invoice import invoice as read_invoice
from integrations.sandbox.firm import ENTITIES
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.erp import rejected
from tests.integrations.ledger import (
    COMPANY,
    TODAY,
    CentralPapers,
    KeptUpToDate,
    LedgerCustomers,
    LedgerInvoices,
    customer,
    invoice,
)

SAMPLES = Path(catalogue.__file__).parent / "business_central" / "samples"


class Invoices(CentralPapers, LedgerInvoices):
    """Sales invoices of one company."""

    row_operation = "read */salesInvoices"
    throttles = ({"kind": "throttle"}, {"kind": "quota"})


class Customers(LedgerCustomers):
    """Customers of one company."""

    name = "business_central"
    feed = "customer"
    members = ("id", "number", "displayName", "address")
    row_member, row_operation = "number", "read */customers"
    row_calls = len(ENTITIES)
    choices = ("blocked",)

    async def touch(self, ref: str) -> None:
        self.control.do("change_customer", id=ref.partition("/")[2], salesperson="JO")


@conforming(Invoices)
class TestInvoices:
    @pytest.fixture
    def subject(self, town: Town) -> Invoices:
        return Invoices(town)

    async def test_a_closed_period_has_its_own_kind(self, subject: Invoices, tag: str) -> None:
        ref = await subject.existing(tag)
        month = {"company": COMPANY, "period": f"{TODAY:%Y-%m}"}
        subject.control.do("close_period", **month)
        try:
            posted = rejected(
                await subject.connector.act("invoice", ref, "post", {}, tag), Kind.PERIOD_CLOSED
            )
            checked = await subject.connector.check("invoice", invoice(f"{tag}-2"))
            key = {"company": COMPANY, "date": TODAY.isoformat()}
            period = done(await subject.connector.find("period", key))
        finally:
            subject.control.do("reopen_period", **month)
        assert "Larkfield Advisory Ltd" in posted.text
        assert isinstance(checked, Rejected) and checked.kind is Kind.PERIOD_CLOSED
        assert period.values["state"] == "closed"
        assert await subject.connector.check("invoice", invoice(f"{tag}-2")) is None

    async def test_all_that_is_not_known_is_told_at_once(self, subject: Invoices, tag: str) -> None:
        record = invoice(tag, party_code="C-NOBODY", payment_term="NET7")
        record["lines"][0] |= {"tax_code": "GB-99", "account_code": "9.9.9"}
        refusal = rejected(
            await subject.connector.upsert("invoice", record, tag), Kind.REFERENCE_MISSING
        )
        for words in ("C-NOBODY", "NET7", "GB-99", "9.9.9", "Larkfield Advisory Ltd"):
            assert words in refusal.text
        assert {error.field for error in refusal.fields} == {
            "party_code", "payment_term", "tax_code", "account_code",
        }  # fmt: skip

    async def test_a_draft_is_changed_all_or_nothing(self, subject: Invoices, tag: str) -> None:
        ref = await subject.existing(tag)
        changed = await subject.write(tag, name="Another text", amount=Decimal("12.34"))
        assert done(changed).outcome is Outcome.UPDATED
        subject.control.order("refuse", count=1, operation="$batch", text="A step failed.")
        rejected(await subject.write(tag, amount=Decimal("99")), Kind.VALIDATION)
        read = done(await subject.connector.get("invoice", ref)).values
        assert subject.shown(read) == ("Another text", Decimal("12.34"))
        assert len(read["lines"]) == 1

    async def test_posting_twice_is_once(self, subject: Invoices, tag: str) -> None:
        ref = await subject.booked(tag)
        again = done(await subject.connector.act("invoice", ref, "post", {}, tag))
        assert (again.outcome, again.values["state"]) == (Outcome.ALREADY_DONE, "posted")
        assert done(await subject.write(tag)).outcome is Outcome.ALREADY_DONE

    async def test_posting_dates_the_draft_first(self, subject: Invoices, tag: str) -> None:
        ref = await subject.existing(tag)
        on = TODAY.replace(day=1).isoformat()
        posted = await subject.connector.act("invoice", ref, "post", {"invoice_date": on}, tag)
        assert done(posted).values["invoice_date"].isoformat() == on

    async def test_a_version_that_has_moved_on_is_tried_later(
        self, subject: Invoices, tag: str
    ) -> None:
        """Two change one draft at once: the slower one's version is no longer there."""
        await subject.existing(tag)
        verdicts = await asyncio.gather(
            *(subject.write(tag, amount=Decimal(number)) for number in range(1, 5))
        )
        late = [verdict for verdict in verdicts if isinstance(verdict, TryLater)]
        assert all(verdict.kind is Kind.CONFLICT for verdict in late)
        assert [verdict for verdict in verdicts if isinstance(verdict, Done)]
        assert len(late) + sum(isinstance(v, Done) for v in verdicts) == 4

    async def test_work_is_found_by_what_it_leaves_on_the_lines(
        self, subject: Invoices, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        find, company = subject.connector.find, {"company": COMPANY}
        carried = f" · {tag}"
        by_all = await find("invoice", {"reference": "another", "facts": [carried], **company})
        assert done(by_all).ref == ref
        assert done(await find("invoice", {"fact": carried, **company})).ref == ref
        some = {"reference": "another", "facts": [carried, " · not there"], **company}
        rejected(await find("invoice", some), Kind.DUPLICATE)

    async def test_long_text_is_kept_whole(self, subject: Invoices, tag: str) -> None:
        await subject.welcome()
        record = invoice(tag, description="A purpose, " * 20 + "told")
        record["lines"][0]["description"] = "Somebody, somewhere, " * 9 + "at last"
        ref = done(await subject.connector.upsert("invoice", record, tag)).ref
        read = done(await subject.connector.get("invoice", ref)).values
        assert read["description"] == record["description"]
        assert read["lines"][0]["description"] == record["lines"][0]["description"]
        assert read["lines"][0]["origin"] == record["lines"][0]["origin"]
        assert done(await subject.write(tag)).outcome is Outcome.UPDATED
        again = await subject.connector.upsert("invoice", record, tag)
        assert done(again).outcome is Outcome.UPDATED

    async def test_pages_of_the_vendors_are_followed(self, town: Town, subject: Invoices) -> None:
        await subject.make_facts(5)
        short = Invoices(town, page_size=2)
        cursor = await short.drained()
        await short.connector.close()
        assert cursor
        whole = {change.event.record.source_id for change in await subject.changes("")}
        again = Invoices(town, page_size=2)
        paged = {change.event.record.source_id for change in await again.changes("")}
        await again.connector.close()
        assert paged == whole and len(whole) >= 5

    async def test_payment_is_a_fact_of_its_own(self, subject: Invoices, tag: str) -> None:
        ref = await subject.booked(tag)
        number = done(await subject.connector.get("invoice", ref)).values["number"]
        subject.control.do("pay_invoice", number=number)
        kinds = [c.event.type for c in await subject.changes("") if c.event.record.source_id == ref]
        assert kinds == ["invoice.paid"]

    async def test_an_accountant_reads_what_was_posted_and_paid(
        self, subject: Invoices, tag: str
    ) -> None:
        await subject.is_read_by_an_accountant(tag)

    async def test_what_the_vendor_cannot_hold_is_not_cut(
        self, subject: Invoices, tag: str
    ) -> None:
        await subject.welcome()
        record = invoice(tag, comment="PO " + "4" * 40)
        refusal = rejected(await subject.connector.upsert("invoice", record, tag), Kind.VALIDATION)
        assert "35 signs" in refusal.text


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

    async def test_whoever_is_blocked_from_invoices_is_on_hold(
        self, subject: Customers, tag: str
    ) -> None:
        ref = await subject.existing(tag)
        for blocked, on_hold in (("Ship", False), ("Invoice", True), ("All", True), (" ", False)):
            subject.control.do("change_customer", id=ref.partition("/")[2], blocked=blocked)
            read = done(await subject.connector.get("customer", ref))
            assert read.values["credit_hold"] is on_hold, blocked

    async def test_another_company_does_not_have_it(self, subject: Customers, tag: str) -> None:
        await subject.existing(tag)
        elsewhere = {**subject.business_key(tag), "company": "LF-DE"}
        rejected(await subject.connector.find("customer", elsewhere), Kind.NOT_FOUND)

    async def test_a_company_that_is_not_there_is_named(self, subject: Customers, tag: str) -> None:
        record = customer(tag[-20:], "Nobody", company="LF-XX")
        refusal = rejected(
            await subject.connector.upsert("customer", record, tag), Kind.REFERENCE_MISSING
        )
        assert "LF-XX" in refusal.text


def test_the_samples_are_read() -> None:
    row = exact_json.decode((SAMPLES / "invoice.json").read_bytes())
    found = read_invoice(row, Company("7f0a", "LF-UK", "Larkfield Advisory Ltd"))
    assert (found.number, found.state, found.customer_code) == ("PS-INV103001", "posted", "C-KNOWN")
    assert (found.untaxed, found.tax, found.total) == tuple(
        map(Decimal, ("1076.63", "215.33", "1291.96"))
    )
    assert found.lines[0].origin.endswith(" · a0T")
