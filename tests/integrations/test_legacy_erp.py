"""The legacy ERP's connector on a real SFTP server: the common suite and the ways of files."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from controltower.canonical.verdicts import (
    Done,
    Exchange,
    Kind,
    Misconfigured,
    Outcome,
    Pending,
    Rejected,
    TryLater,
    Unknown,
    Verdict,
)
from integrations import catalogue
from integrations.legacy_erp import batch, documents, feed
from integrations.legacy_erp.client import FileServer
from integrations.legacy_erp.history import AMOUNTS, acknowledged
from integrations.sandbox.legacy_erp.form import Damaged, split
from integrations.shape import Drift
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.conformance.verdicts import done, verdict_of
from tests.integrations.doors import Town
from tests.integrations.erp import rejected
from tests.integrations.ledger import (
    COMPANY,
    KNOWN,
    TODAY,
    LedgerCustomers,
    LedgerInvoices,
    LedgerSubject,
    customer,
    invoice,
)

SAMPLES = Path(catalogue.__file__).parent / "legacy_erp" / "samples"


class Files(LedgerSubject):
    """What is handed over is pending until the batch run, and then known."""

    name = "legacy_erp"
    over_http = False
    throttles = ()
    works_later = True
    public = ("user", "host_key")
    libraries = sys.stdlib_module_names | {"integrations", "controltower", "asyncssh"}

    async def patiently(self, call: Callable[[], Awaitable[Verdict]]) -> Verdict:
        """A call whose file the batch run works off when it is pending."""
        verdict = await call()
        if isinstance(verdict, Pending):
            self.control.do("run")
            verdict = await call()
        return verdict

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        record = self.record(tag, name, self.amount if amount is None else amount)
        return await self.patiently(lambda: self.connector.upsert(self.entity, record, tag))

    async def find(self, tag: str) -> Verdict:
        key = self.business_key(tag)
        return await self.patiently(lambda: self.connector.find(self.entity, key))


class Invoices(Files, LedgerInvoices):
    """Invoices by our reference."""

    async def welcome(self) -> None:
        record = customer(KNOWN, "Quillfeather Mutual")
        done(await self.patiently(lambda: self.connector.upsert("customer", record, "known")))

    async def booked(self, tag: str) -> str:
        ref = await self.existing(tag)
        return done(await self.posted(ref)).ref

    async def posted(self, ref: str, **record: Any) -> Verdict:
        """The invoice, posted by the next run."""
        return await self.patiently(lambda: self.connector.act("invoice", ref, "post", record, ref))

    row_member = "state"

    async def spoil(self, made: Sequence[str]) -> list[str]:
        """A file of one posting in a state that nobody has agreed on, before all others."""
        row = ["L", f"BIL-{time.time_ns()}", "L-1", COMPANY, *[""] * 4, "0", "0", "0", "HALTED", ""]
        content = batch.written("LEDGER", ("spoiled",), [row], {"L": 10})
        async with FileServer(self.connection).session() as session:
            await session.place(f"out/LEDGER_20000101_{time.time_ns()}.csv", content)
        return [row[1]]


class Customers(Files, LedgerCustomers):
    """Customers by our code."""

    has_keys = False


@conforming(Invoices)
class TestInvoices:
    @pytest.fixture
    def subject(self, town: Town) -> Iterator[Invoices]:
        subject = Invoices(town)
        subject.control.do("hold")
        yield subject
        subject.control.do("release")

    async def test_a_file_is_pending_until_it_is_acknowledged(
        self, subject: Invoices, tag: str
    ) -> None:
        await subject.welcome()
        send = partial(subject.connector.upsert, "invoice", invoice(tag), tag)
        first, again = await send(), await send()
        found = await subject.connector.find("invoice", {"reference": tag})
        assert isinstance(first, Pending) and isinstance(again, Pending)
        assert isinstance(found, Pending)
        assert first.job == again.job == found.job == f"INV_{tag}.001"
        subject.control.do("run")
        assert done(await send()).outcome is Outcome.UNCHANGED

    async def test_rejects_are_told_row_by_row_and_once(self, subject: Invoices, tag: str) -> None:
        record = invoice(tag, party_code=f"C-{tag[-8:]}")
        wrong = record["lines"][0] | {"tax_code": "GB-99", "account_code": "9.9.9"}
        record["lines"] = [*record["lines"], wrong]
        send = partial(subject.connector.upsert, "invoice", record, tag)
        refused = rejected(await subject.patiently(send), Kind.REFERENCE_MISSING)
        assert {(error.field, error.text[:6]) for error in refused.fields} == {
            ("party_code", "Row 0:"), ("tax_code", "Row 2:"), ("account_code", "Row 2:"),
        }  # fmt: skip
        rejected(await subject.find(tag), Kind.NOT_FOUND)
        assert isinstance(await send(), Pending)
        rejected(await subject.patiently(send), Kind.REFERENCE_MISSING)
        await subject.welcome()
        assert isinstance(await subject.write(tag), Done)

    async def test_what_was_damaged_on_its_way_is_sent_again(
        self, subject: Invoices, tag: str
    ) -> None:
        await subject.welcome()
        send = partial(subject.connector.upsert, "invoice", invoice(tag), tag)
        await send()
        subject.control.do("damage", folder="in")
        assert isinstance(await send(), Pending)
        subject.control.do("run")
        told = await send()
        assert isinstance(told, TryLater) and told.kind is Kind.TRANSIENT
        assert done(await subject.patiently(send)).ref == tag

    async def test_what_is_under_way_is_no_file_yet(self, subject: Invoices, tag: str) -> None:
        await subject.welcome()
        subject.control.order("drop_before_commit", count=1, operation="write in/")
        assert isinstance(await subject.write(tag), Unknown)
        async with FileServer(subject.connection).session() as session:
            under_way = await session.names("in", ".part")
        assert [name for name in under_way if name.startswith(f"INV_{tag}.001.csv.")]
        subject.control.do("run")
        rejected(await subject.find(tag), Kind.NOT_FOUND)

    async def test_a_name_is_taken_once(self, subject: Invoices, tag: str) -> None:
        before = done(await subject.connector.get("invoice", await subject.existing(tag)))
        async with FileServer(subject.connection).session() as session:
            await session.place(f"in/INV_{tag}.001.csv", b"another content")
        subject.control.do("run")
        after = done(await subject.connector.get("invoice", tag))
        assert (after.values, after.version) == (before.values, before.version)

    async def test_what_nobody_agreed_on_is_rejected_and_stops_nothing(
        self, subject: Invoices, tag: str
    ) -> None:
        short = batch.written("INVOICE", (tag,), [("D", tag)], AMOUNTS["INVOICE"])
        async with FileServer(subject.connection).session() as session:
            await session.place(f"in/INV_{tag}.001.csv", short)
            await session.place(f"in/XYZ_{tag}.001.csv", short)
        subject.control.do("run")
        assert await subject.existing(tag) == tag

    async def test_what_is_said_last_counts(self, subject: Invoices, tag: str) -> None:
        await subject.welcome()
        for name in ("First", "Second", "First"):
            written = done(await subject.write(tag, name))
            assert subject.shown(written.values)[0] == name
        waits = partial(subject.connector.upsert, "invoice")
        await waits(invoice(tag, description="Third"), tag)
        await waits(invoice(tag, description="Fourth"), tag)
        subject.control.do("run")
        read = done(await subject.connector.get("invoice", tag))
        assert subject.shown(read.values)[0] == "Fourth"

    async def test_posting_twice_is_once(self, subject: Invoices, tag: str) -> None:
        ref, on = await subject.existing(tag), TODAY.replace(day=1).isoformat()
        posted = done(await subject.posted(ref, invoice_date=on))
        assert posted.values["number"].startswith("L")
        assert posted.values["invoice_date"].isoformat() == on
        assert (posted.values["untaxed"], posted.values["total"]) == (
            Decimal("1234567.89"), Decimal("1481481.47"),
        )  # fmt: skip
        again = done(await subject.connector.act("invoice", ref, "post", {}, tag))
        assert (again.outcome, again.values["state"]) == (Outcome.ALREADY_DONE, "posted")
        changed = done(await subject.write(tag, "Changed"))
        assert changed.outcome is Outcome.ALREADY_DONE
        assert subject.shown(changed.values)[0] != "Changed"

    async def test_a_closed_period_has_its_own_kind(self, subject: Invoices, tag: str) -> None:
        ref, month = await subject.existing(tag), {"company": COMPANY, "period": f"{TODAY:%Y-%m}"}
        key = {"company": COMPANY, "date": TODAY.isoformat()}
        subject.control.do("close_period", **month)
        try:
            posted = await subject.posted(ref)
            checked = await subject.connector.check("invoice", invoice(f"{tag}-2"))
            period = done(await subject.connector.find("period", key))
        finally:
            subject.control.do("reopen_period", **month)
        rejected(posted, Kind.PERIOD_CLOSED)
        assert isinstance(checked, Rejected) and checked.kind is Kind.PERIOD_CLOSED
        assert period.values["state"] == "closed"
        assert await subject.connector.check("invoice", invoice(f"{tag}-2")) is None
        assert done(await subject.posted(ref)).values["state"] == "posted"

    async def test_all_that_is_not_known_is_told_at_once(self, subject: Invoices) -> None:
        record = invoice("unsent", payment_term="NET7", currency="USD", company="LF-XX")
        record["lines"][0] |= {"tax_code": "GB-99", "account_code": "9.9.9"}
        checked = await subject.connector.check("invoice", record)
        assert isinstance(checked, Rejected) and checked.kind is Kind.REFERENCE_MISSING
        for words in ("NET7", "LF-XX", "GB-99", "9.9.9"):
            assert words in checked.text

    async def test_a_file_of_several_is_archived_after_its_last(
        self, subject: Invoices, tag: str
    ) -> None:
        await subject.drained()
        refs = [await subject.existing(f"{tag}-{number}") for number in range(3)]
        for ref in refs:
            await subject.connector.act("invoice", ref, "post", {}, tag)
        subject.control.do("run")
        read, acknowledge = subject.connector.read_changes, subject.connector.ack
        first = await read("invoice", "", 2)
        await acknowledge([change.event.id for change in first.changes])
        second = await read("invoice", first.next_cursor, 2)
        assert [c.event.record.source_id for c in (*first.changes, *second.changes)] == refs
        assert len(await subject.changes("")) == 3
        await acknowledge([change.event.id for change in second.changes])
        assert await subject.changes("") == []
        now = datetime.now(UTC)
        keys = await subject.connector.keys("invoice", now - timedelta(hours=1), now)
        assert {key.ref for key in keys} >= set(refs)

    async def test_payment_is_a_fact_of_its_own(self, subject: Invoices, tag: str) -> None:
        ref = await subject.booked(tag)
        await subject.drained()
        subject.control.do("pay_invoice", reference=ref)
        (paid,) = await subject.changes("")
        assert (paid.event.type, paid.event.record.source_id) == ("invoice.paid", ref)

    async def test_a_damaged_file_of_the_erps_is_ours_to_look_at(
        self, subject: Invoices, tag: str
    ) -> None:
        await subject.booked(tag)
        subject.control.do("damage", folder="out")
        try:
            verdict = await verdict_of(subject.connector.read_changes("invoice", "", 10))
        finally:
            async with FileServer(subject.connection).session() as session:
                for name in await session.names("out", ".csv"):
                    await session.sftp.remove(f"out/{name}")
        assert isinstance(verdict, Misconfigured) and verdict.kind is Kind.CONTRACT
        assert "not shaped as agreed" in verdict.text

    async def test_another_host_key_is_not_trusted(self, subject: Invoices, tag: str) -> None:
        await subject.welcome()
        another = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
        secrets = {**subject.connection.secrets, "host_key": another}
        async with subject.elsewhere(secrets=secrets) as connector:
            verdict = await connector.upsert("invoice", invoice(tag), tag)
        assert isinstance(verdict, Misconfigured) and verdict.kind is Kind.AUTH
        assert "host key" in verdict.text
        subject.control.do("run")
        rejected(await subject.find(tag), Kind.NOT_FOUND)

    async def test_files_tell_nothing_of_single_lines(self, subject: Invoices) -> None:
        verdict = await subject.connector.find("invoice", {"fact": "TC-000123"})
        assert isinstance(verdict, Misconfigured) and verdict.kind is Kind.CONTRACT


@conforming(Customers, OF_AN_ENTITY)
class TestCustomers:
    @pytest.fixture
    def subject(self, town: Town) -> Iterator[Customers]:
        subject = Customers(town)
        subject.control.do("hold")
        yield subject
        subject.control.do("release")

    async def test_a_vat_number_belongs_to_one(self, subject: Customers, tag: str) -> None:
        vat = f"GB{int(tag[-8:], 16):010d}"
        for number, record in enumerate(
            customer(f"{tag[-8:]}-{n}", "Twice", vat_number=vat) for n in (1, 2)
        ):
            send = partial(subject.connector.upsert, "customer", record, f"{tag}-{number}")
            verdict = await subject.patiently(send)
        assert f"{tag[-8:]}-1" in rejected(verdict, Kind.DUPLICATE).text


def test_the_samples_are_read() -> None:
    sent = batch.read(
        (SAMPLES / "INV_BIL-000123.001.csv").read_bytes(), "INVOICE", AMOUNTS["INVOICE"]
    )
    name = sent.head[0]
    accepted = acknowledged(name, (SAMPLES / "accepted.ack").read_bytes())
    assert accepted.answer is not None and accepted.digest == sent.digest
    found = documents.invoice(sent.records, accepted.answer, None)
    assert (found.reference, found.state) == ("BIL-000123", "draft")
    assert (found.untaxed, found.total) == (Decimal("2264.63"), Decimal("2717.56"))
    assert sum(line.amount for line in found.lines) == found.untaxed
    refused = acknowledged(name, (SAMPLES / "rejected.ack").read_bytes()).rejection(Exchange())
    assert len(rejected(refused, Kind.REFERENCE_MISSING).fields) == 2
    posted, paid = feed.records_of((SAMPLES / "LEDGER_20261120_000017.csv").read_bytes())
    assert batch.read((SAMPLES / "MASTER.csv").read_bytes(), "MASTER", {}).records
    assert [feed.retold(batch.line_of(row)).state for row in (posted, paid)] == ["posted", "paid"]


@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        (b";1076.63;", b";1076.64;"),
        (b"T;3;2264.63;", b"T;3;2264.64;"),
        (b"T;3;", b"T;2;"),
        (b"H;INVOICE;1;", b"H;INVOICE;2;"),
        (b"Rory", b"Rery"),
        (b"\r\nT;", b"\r\nX;"),
        (b";8;hour", b";8;\xff"),
    ],
)
def test_a_file_that_does_not_come_to_its_totals_is_read_by_nobody(
    whole: bytes, damaged: bytes
) -> None:
    raw = (SAMPLES / "INV_BIL-000123.001.csv").read_bytes()
    assert raw.count(whole) >= 1
    broken = raw.replace(whole, damaged, 1)
    with pytest.raises(Drift):
        batch.read(broken, "INVOICE", AMOUNTS["INVOICE"])
    with pytest.raises(Damaged):
        split(broken, "INVOICE", 6)
    assert split(raw, "INVOICE", 6)[0] == batch.read(raw, "INVOICE", AMOUNTS["INVOICE"]).digest


@pytest.mark.parametrize("cut", range(0, 500, 41))
def test_a_file_that_was_cut_is_read_by_nobody(cut: int) -> None:
    raw = (SAMPLES / "INV_BIL-000123.001.csv").read_bytes()[: -cut - 1]
    with pytest.raises(Drift):
        batch.read(raw, "INVOICE", AMOUNTS["INVOICE"])
    with pytest.raises(Damaged):
        split(raw, "INVOICE", 6)
