"""The Tryton connector against a real Tryton; what it writes is looked up in the ERP's books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from controltower.canonical.events import INVOICE_POSTED
from controltower.canonical.verdicts import (
    Done,
    Kind,
    Misconfigured,
    Outcome,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations.connector import Connection
from integrations.tryton.connector import TrytonConnector
from tests.integrations.erp import Erp, running_erp

pytestmark = [pytest.mark.tryton, pytest.mark.slow]
_numbers = count(1)
BOOKS = {
    "LF-DE": ("EUR", "DE-19", "DE"),
    "LF-UK": ("GBP", "GB-20", "GB"),
    "LF-US": ("USD", "US-0", "US"),
}
TODAY = datetime.now(UTC).date() - timedelta(days=1)
"""A day that has begun in every zone of the firm."""


@pytest.fixture(scope="module")
def erp() -> Iterator[Erp]:
    with running_erp() as running:
        yield running


@pytest.fixture(autouse=True)
def _healed(erp: Erp) -> Iterator[None]:
    yield
    erp.heal()


@pytest.fixture
async def tryton(erp: Erp) -> AsyncIterator[TrytonConnector]:
    async with _connected(erp.connection()) as connector:
        yield connector


@asynccontextmanager
async def _connected(connection: Connection) -> AsyncIterator[TrytonConnector]:
    connector = TrytonConnector(connection)
    try:
        yield connector
    finally:
        await connector.close()


def fresh(prefix: str) -> str:
    """A key that no other test uses."""
    return f"{prefix}-{next(_numbers):06d}"


def customer(company: str = "LF-DE", **other: Any) -> dict[str, Any]:
    code = fresh("C")
    return {
        "company": company,
        "code": code,
        "name": f"Test & Söhne {code}",
        "street": "Ærøvej 1\n2. Stock",
        "city": "Hamburg",
        "postal_code": "20457",
        "country": BOOKS[company][2],
        "vat_number": "",
        "email": "accounts@test.example",
        "contact_name": "Žofie Ångström",
        "payment_term": "NET30",
    } | other


def invoice(party_code: str, company: str = "LF-DE", **other: Any) -> dict[str, Any]:
    currency, tax, _ = BOOKS[company]
    line = {
        "description": "Zażółć gęślą jaźń — 顧問料 “week 47”",
        "quantity": "7.25",
        "unit": "hour",
        "unit_price": "148.50",
        "tax_code": tax,
        "account_code": "4.2.2",
        "origin": "TC-000123",
    }
    return {
        "company": company,
        "party_code": party_code,
        "reference": fresh("R"),
        "invoice_date": TODAY.isoformat(),
        "currency": currency,
        "payment_term": "NET30",
        "description": "Pricing review · CT-TEST",
        "lines": [line],
    } | other


def done(verdict: Verdict, outcome: Outcome) -> Done:
    assert isinstance(verdict, Done), verdict
    assert verdict.outcome is outcome
    return verdict


def rejected(verdict: Verdict, kind: Kind) -> Rejected:
    assert isinstance(verdict, Rejected), verdict
    assert verdict.kind is kind
    return verdict


async def a_customer(tryton: TrytonConnector, company: str = "LF-DE") -> str:
    record = customer(company)
    done(await tryton.upsert("customer", record, "key"), Outcome.CREATED)
    return str(record["code"])


async def a_draft(tryton: TrytonConnector, **other: Any) -> tuple[str, dict[str, Any]]:
    record = invoice(await a_customer(tryton, other.get("company", "LF-DE")), **other)
    drafted = done(await tryton.upsert("invoice", record, "key"), Outcome.CREATED)
    return drafted.ref, record


@pytest.mark.parametrize("company", BOOKS)
async def test_an_invoice_is_drafted_posted_and_numbered_in_each_company(
    tryton: TrytonConnector, erp: Erp, company: str
) -> None:
    ref, record = await a_draft(tryton, company=company)
    posted = done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)

    (booked,) = erp.invoices(record["reference"])
    assert (booked["state"], booked["move_state"]) == ("posted", "posted")
    assert booked["number"] == posted.values["number"]
    assert booked["number"].startswith(f"{company}-{TODAY:%Y-%m}-")
    assert (booked["company"], booked["currency"]) == (company, BOOKS[company][0])
    assert booked["date"] == record["invoice_date"]
    assert Decimal(booked["untaxed"]) == Decimal("1076.63")  # 1076.625, half up as we round
    shown = posted.values
    assert [booked[part] for part in ("untaxed", "tax", "total")] == [
        str(shown[part]) for part in ("untaxed", "tax", "total")
    ]


async def test_what_was_sent_is_what_is_read_back(tryton: TrytonConnector) -> None:
    ref, record = await a_draft(tryton)
    read = done(await tryton.get("invoice", ref), Outcome.READ).values
    assert read["entity"] == "LF-DE"
    assert read["reference"] == record["reference"]
    assert read["customer_code"] == record["party_code"]
    assert read["invoice_date"] == date.fromisoformat(record["invoice_date"])
    assert read["payment_term"] == "NET30"
    assert read["description"] == record["description"]
    assert read["state"] == "draft"
    (line,) = read["lines"]
    assert line["description"].startswith(record["lines"][0]["description"])
    assert line["amount"] == read["untaxed"] == Decimal("1076.63")
    assert (line["tax_code"], line["account_code"]) == ("DE-19", "4.2.2")
    assert line["origin"] == "TC-000123"


async def test_the_same_reference_makes_one_invoice(tryton: TrytonConnector, erp: Erp) -> None:
    ref, record = await a_draft(tryton)
    again = done(await tryton.upsert("invoice", record, "key"), Outcome.UNCHANGED)
    assert again.ref == ref
    done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)
    after = done(await tryton.upsert("invoice", record, "key"), Outcome.ALREADY_DONE)
    assert after.ref == ref and len(erp.invoices(record["reference"])) == 1


async def test_a_corrected_draft_replaces_its_lines(tryton: TrytonConnector) -> None:
    ref, record = await a_draft(tryton)
    record["lines"] = [record["lines"][0] | {"quantity": "2", "unit_price": "100"}] * 2
    changed = done(await tryton.upsert("invoice", record, "key"), Outcome.UPDATED)
    assert changed.ref == ref
    assert (changed.values["untaxed"], changed.values["total"]) == (Decimal(400), Decimal(476))


async def test_posting_twice_at_once_posts_once(tryton: TrytonConnector, erp: Erp) -> None:
    ref, record = await a_draft(tryton)
    verdicts = await asyncio.gather(
        *(tryton.act("invoice", ref, "post", {}, "key") for _ in range(4))
    )
    outcomes = [verdict.outcome for verdict in verdicts if isinstance(verdict, Done)]
    assert outcomes.count(Outcome.UPDATED) == 1
    assert all(isinstance(v, Done | TryLater) for v in verdicts), verdicts
    (booked,) = erp.invoices(record["reference"])
    assert booked["state"] == "posted"


async def test_different_invoices_can_be_posted_at_once(tryton: TrytonConnector) -> None:
    code = await a_customer(tryton)
    drafts = [await tryton.upsert("invoice", invoice(code), "key") for _ in range(4)]
    refs = [done(draft, Outcome.CREATED).ref for draft in drafts]
    posted = await asyncio.gather(*(tryton.act("invoice", r, "post", {}, "key") for r in refs))
    numbers = {done(verdict, Outcome.UPDATED).values["number"] for verdict in posted}
    assert len(numbers) == 4


async def test_a_closed_period_is_said_so_and_can_be_waited_out(
    tryton: TrytonConnector, erp: Erp
) -> None:
    ref, record = await a_draft(tryton, company="LF-US", invoice_date="2026-03-12")
    erp.act("close_period", company="LF-US", period="2026-03")
    refused = rejected(await tryton.act("invoice", ref, "post", {}, "key"), Kind.PERIOD_CLOSED)
    assert "Larkfield Advisory Inc." in refused.text and "2026-03-12" in refused.text
    asked = await tryton.find("period", {"company": "LF-US", "date": "2026-03-12"})
    assert done(asked, Outcome.READ).values["state"] == "closed"

    erp.act("reopen_period", company="LF-US", period="2026-03")
    done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)
    assert erp.invoices(record["reference"])[0]["period"] == "2026-03"


async def test_work_of_a_closed_period_can_be_billed_in_the_next(
    tryton: TrytonConnector, erp: Erp
) -> None:
    ref, record = await a_draft(tryton, invoice_date="2026-04-30")
    erp.act("close_period", company="LF-DE", period="2026-04")
    later = {"entity": "LF-DE", "invoice_date": "2026-05-01"}
    done(await tryton.act("invoice", ref, "post", later, "key"), Outcome.UPDATED)
    assert erp.invoices(record["reference"])[0]["period"] == "2026-05"


async def test_an_invoice_of_the_future_is_refused(tryton: TrytonConnector) -> None:
    ref, _ = await a_draft(tryton, invoice_date="2027-12-01")
    refused = rejected(await tryton.act("invoice", ref, "post", {}, "key"), Kind.VALIDATION)
    assert refused.fields[0].field == "invoice_date"


async def test_a_date_before_the_last_number_is_refused(tryton: TrytonConnector) -> None:
    later, _ = await a_draft(tryton, company="LF-UK", invoice_date="2026-06-20")
    earlier, _ = await a_draft(tryton, company="LF-UK", invoice_date="2026-06-19")
    done(await tryton.act("invoice", later, "post", {}, "key"), Outcome.UPDATED)
    refused = rejected(await tryton.act("invoice", earlier, "post", {}, "key"), Kind.VALIDATION)
    assert refused.fields[0].field == "invoice_date"


async def test_every_unknown_code_is_named_at_once(tryton: TrytonConnector, erp: Erp) -> None:
    record = invoice("C-nobody", payment_term="NET99")
    record["lines"][0] |= {"tax_code": "GB-20", "account_code": "9.9.9", "unit": "fathom"}
    refused = rejected(await tryton.upsert("invoice", record, "key"), Kind.REFERENCE_MISSING)
    assert {problem.field for problem in refused.fields} == {
        "party_code",
        "payment_term",
        "tax_code",
        "account_code",
        "unit",
    }
    sentence = "Tax code GB-20 is not known or is switched off in Larkfield Advisory GmbH."
    assert sentence in refused.text
    assert erp.invoices(record["reference"]) == []


async def test_a_tax_code_that_is_switched_off_is_unknown(
    tryton: TrytonConnector, erp: Erp
) -> None:
    record = invoice(await a_customer(tryton, "LF-DE"))
    record["lines"][0]["tax_code"] = "EU-RC"
    erp.act("switch_tax", company="LF-DE", code="EU-RC", active=False)
    try:
        refused = rejected(await tryton.upsert("invoice", record, "key"), Kind.REFERENCE_MISSING)
        assert refused.fields[0].field == "tax_code"
    finally:
        erp.act("switch_tax", company="LF-DE", code="EU-RC", active=True)
    done(await tryton.upsert("invoice", record, "key"), Outcome.CREATED)


async def test_lines_that_contradict_the_net_amount_are_not_sent(
    tryton: TrytonConnector, erp: Erp
) -> None:
    record = invoice(await a_customer(tryton), untaxed="1076.62")
    rejected(await tryton.upsert("invoice", record, "key"), Kind.VALIDATION)
    assert erp.invoices(record["reference"]) == []


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [("0.5", "0.01", "0.01"), ("3.333", "99.995", "333.28"), ("1.5", "0.03", "0.05")],
)
async def test_awkward_amounts_come_to_our_cent(
    tryton: TrytonConnector, quantity: str, price: str, amount: str
) -> None:
    record = invoice(await a_customer(tryton), untaxed=amount)
    record["lines"][0] |= {"quantity": quantity, "unit_price": price}
    drafted = done(await tryton.upsert("invoice", record, "key"), Outcome.CREATED)
    assert drafted.values["untaxed"] == Decimal(amount)


async def test_an_answer_lost_after_the_work_is_found_again(
    tryton: TrytonConnector, erp: Erp
) -> None:
    record = invoice(await a_customer(tryton))
    key = {"reference": record["reference"], "company": "LF-DE"}
    rejected(await tryton.find("invoice", key), Kind.NOT_FOUND)
    erp.fault("commit_then_drop", operation="write account.invoice create")
    assert isinstance(await tryton.upsert("invoice", record, "key"), Unknown)
    found = done(await tryton.find("invoice", key), Outcome.READ)
    erp.fault("commit_then_drop", operation="write account.invoice post")
    assert isinstance(await tryton.act("invoice", found.ref, "post", {}, "key"), Unknown)
    again = done(await tryton.act("invoice", found.ref, "post", {}, "key"), Outcome.ALREADY_DONE)
    (booked,) = erp.invoices(record["reference"])
    assert booked["number"] == again.values["number"]


async def test_work_that_cannot_be_read_back_is_never_denied(
    tryton: TrytonConnector, erp: Erp
) -> None:
    record = invoice(await a_customer(tryton))
    erp.fault("html_page", operation="read account.invoice read")
    assert isinstance(await tryton.upsert("invoice", record, "key"), Unknown)
    assert len(erp.invoices(record["reference"])) == 1


@pytest.mark.parametrize("kind", ["server_error", "html_page", "drop_before_commit"])
async def test_a_broken_answer_to_a_write_is_unknown_and_to_a_read_is_not(
    tryton: TrytonConnector, erp: Erp, kind: str
) -> None:
    record = invoice(await a_customer(tryton))
    erp.fault(kind, operation="write account.invoice")
    assert isinstance(await tryton.upsert("invoice", record, "key"), Unknown)
    erp.fault(kind, operation="read account.invoice")
    assert isinstance(await tryton.upsert("invoice", record, "key"), TryLater)
    assert erp.invoices(record["reference"]) == []


async def test_throttling_says_when_to_come_back(tryton: TrytonConnector, erp: Erp) -> None:
    erp.fault("throttle", retry_after=7)
    verdict = await tryton.health()
    assert isinstance(verdict, TryLater)
    assert (verdict.kind, verdict.after) == (Kind.RATE_LIMITED, timedelta(seconds=7))


async def test_a_late_answer_to_a_write_is_unknown(erp: Erp) -> None:
    async with _connected(erp.connection(deadline=1.0)) as hurried:
        record = invoice(await a_customer(hurried))
        erp.fault("slow", operation="write account.invoice", milliseconds=1500)
        assert isinstance(await hurried.upsert("invoice", record, "key"), Unknown)


async def test_nobody_at_the_address_means_nothing_was_sent(erp: Erp) -> None:
    async with _connected(erp.connection(port=1)) as nowhere:
        assert isinstance(await nowhere.health(), Unavailable)


async def test_a_forgotten_session_is_renewed_once(tryton: TrytonConnector, erp: Erp) -> None:
    done(await tryton.health(), Outcome.READ)
    erp.fault("auth_expired")
    done(await tryton.health(), Outcome.READ)
    erp.fault("auth_expired", operation="read res.user", count=2)
    verdict = await tryton.health()
    assert isinstance(verdict, Misconfigured) and verdict.kind is Kind.AUTH


async def test_a_wrong_password_is_a_matter_for_a_person(erp: Erp) -> None:
    wrong = "not-the-password"
    connection = erp.connection(password=wrong)
    stranger = Connection(
        slug="tryton",
        base_url=connection.base_url.replace("127.0.0.1", "localhost"),
        secrets=connection.secrets,
    )
    async with _connected(stranger) as connector:
        verdict = await connector.health()
    assert isinstance(verdict, Misconfigured) and verdict.kind is Kind.AUTH
    assert verdict.exchange is not None and wrong not in verdict.exchange.request


async def test_no_credential_is_in_what_is_kept(tryton: TrytonConnector, erp: Erp) -> None:
    verdict = await tryton.health()
    assert verdict.exchange is not None
    kept = verdict.exchange.request + verdict.exchange.response
    assert erp.password not in kept and "Session " not in kept


async def test_a_customer_is_created_once_and_shared_by_the_companies(
    tryton: TrytonConnector,
) -> None:
    record = customer("LF-DE", vat_number="DE532650201")
    created = done(await tryton.upsert("customer", record, "key"), Outcome.CREATED)
    assert created.values["code"] == created.values["erp_code"] == record["code"]
    assert created.values["vat_number"] == "DE532650201"
    assert created.values["street"] == record["street"]
    assert created.values["contact_email"] == record["email"]
    done(await tryton.upsert("customer", record, "key"), Outcome.UNCHANGED)
    abroad = record | {"company": "LF-UK"}
    assert done(await tryton.upsert("customer", abroad, "key"), Outcome.UPDATED).ref == created.ref
    done(await tryton.upsert("customer", abroad, "key"), Outcome.UNCHANGED)
    billed = await tryton.upsert("invoice", invoice(record["code"], "LF-UK"), "key")
    done(billed, Outcome.CREATED)


async def test_two_creations_at_once_make_one_customer(tryton: TrytonConnector) -> None:
    record = customer()
    verdicts = await asyncio.gather(*(tryton.upsert("customer", record, "key") for _ in range(3)))
    refs = {verdict.ref for verdict in verdicts if isinstance(verdict, Done)}
    assert len(refs) == 1
    assert all(isinstance(v, Done | TryLater) for v in verdicts), verdicts


async def test_a_customer_the_erp_has_had_for_long_keeps_its_number(
    tryton: TrytonConnector,
) -> None:
    key = {"code": fresh("C"), "name": "Meridian", "vat_number": "DE 342366712", "company": "LF-DE"}
    found = done(await tryton.find("customer", key), Outcome.READ)
    assert found.values["code"].startswith("K")
    by_name = {"code": fresh("C"), "name": "Nimbus & Larch Software", "company": "LF-US"}
    assert done(await tryton.find("customer", by_name), Outcome.READ).values["code"].startswith("K")


async def test_a_client_that_exists_twice_is_not_guessed(tryton: TrytonConnector) -> None:
    record = customer(name="Tannenhäher Logistik SE", vat_number="DE471874633")
    refused = rejected(await tryton.upsert("customer", record, "key"), Kind.DUPLICATE)
    assert refused.text.count("Tannenhäher Logistik SE (") == 0
    assert refused.text.count("(Tannenhäher Logistik SE)") == 2


async def test_a_wrong_vat_number_is_the_erps_to_refuse(tryton: TrytonConnector) -> None:
    record = customer(vat_number="DE532650202")
    refused = rejected(await tryton.upsert("customer", record, "key"), Kind.VALIDATION)
    assert refused.fields[0].field == "vat_number"
    rejected(await tryton.find("customer", {"code": record["code"]}), Kind.NOT_FOUND)


async def test_the_feed_tells_each_posting_once_and_in_order(tryton: TrytonConnector) -> None:
    start, seen = "", []
    for _ in range(2):
        ref, record = await a_draft(tryton)
        done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)
        cursor, more = start, True
        while more:
            page = await tryton.read_changes("invoice", cursor, 3)
            assert len(page.changes) <= 3
            seen += [change.event for change in page.changes]
            cursor, more = page.next_cursor, page.has_more
        assert seen[-1].type == INVOICE_POSTED
        assert ("reference", record["reference"]) in [(k.kind, k.value) for k in seen[-1].keys]
        start = cursor
    times = [event.version for event in {event.id: event for event in seen}.values()]
    assert times == sorted(times)


async def test_reconciliation_keys_carry_our_reference_and_the_total(
    tryton: TrytonConnector,
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    ref, record = await a_draft(tryton)
    done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)
    keys = await tryton.keys("invoice", since, datetime.now(UTC) + timedelta(minutes=1))
    (key,) = [key for key in keys if key.ref == ref]
    assert (key.key, key.amount, key.currency) == (record["reference"], "1281.19", "EUR")


async def test_a_crashed_erp_comes_back_with_its_books(tryton: TrytonConnector, erp: Erp) -> None:
    ref, record = await a_draft(tryton)
    erp.act("crash")
    for _ in range(100):
        verdict = await tryton.get("invoice", ref)
        if isinstance(verdict, Done):
            break
        assert isinstance(verdict, TryLater | Unavailable), verdict
        await asyncio.sleep(0.1)
    assert done(verdict, Outcome.READ).values["reference"] == record["reference"]
