"""What the Tryton connector makes of trouble, and what it reads back."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from controltower.canonical.events import INVOICE_PAID, INVOICE_POSTED, CanonicalEvent
from controltower.canonical.verdicts import (
    Done,
    Kind,
    Misconfigured,
    Outcome,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
)
from integrations.tryton.connector import TrytonConnector
from tests.integrations.erp import (
    Erp,
    a_customer,
    a_draft,
    a_posted,
    done,
    invoice,
    rejected,
)

TROUBLE = (
    "commit_then_drop",
    "drop_before_commit",
    "html_page",
    "server_error",
    "slow",
    "throttle",
    "auth_expired",
)
pytestmark = [pytest.mark.tryton, pytest.mark.slow]


async def test_an_answer_lost_after_the_work_is_found_again(
    tryton: TrytonConnector, erp: Erp
) -> None:
    record = invoice(await a_customer(tryton))
    key = {"reference": record["reference"], "company": "LF-DE"}
    rejected(await tryton.find("invoice", key), Kind.NOT_FOUND)
    erp.once("commit_then_drop", "write account.invoice create")
    assert isinstance(await tryton.upsert("invoice", record, "key"), Unknown)
    found = done(await tryton.find("invoice", key), Outcome.READ)
    erp.once("commit_then_drop", "write account.invoice post")
    assert isinstance(await tryton.act("invoice", found.ref, "post", {}, "key"), Unknown)
    again = done(await tryton.act("invoice", found.ref, "post", {}, "key"), Outcome.ALREADY_DONE)
    (booked,) = erp.invoices(record["reference"])
    assert booked["number"] == again.values["number"]


async def test_through_random_trouble_each_invoice_is_posted_exactly_once(
    erp: Erp, tryton: TrytonConnector
) -> None:
    """The recipe for a system without keys: on any doubt look for our reference, then go on."""
    chance = random.Random(20)
    code = await a_customer(tryton)
    hurried = TrytonConnector(erp.connection(deadline=2.0))
    for _ in range(5):
        record = invoice(code)
        key = {"reference": record["reference"], "company": "LF-DE"}
        for kind in chance.sample(TROUBLE, 3):
            erp.once(kind, chance.choice(("write", "read", "create", "post")), milliseconds=2500)
        posted = ""
        while not posted:
            found = await hurried.find("invoice", key)
            if isinstance(found, Rejected) and found.kind is Kind.NOT_FOUND:
                await hurried.upsert("invoice", record, "key")
            elif isinstance(found, Done) and found.values["state"] == "draft":
                await hurried.act("invoice", found.ref, "post", {}, "key")
            elif isinstance(found, Done):
                posted = found.values["number"]
        erp.control.clear()
        assert [row["number"] for row in erp.invoices(record["reference"])] == [posted]
    await hurried.close()


async def test_work_that_cannot_be_read_back_is_never_denied(
    tryton: TrytonConnector, erp: Erp
) -> None:
    record = invoice(await a_customer(tryton))
    erp.once("html_page", "read account.invoice read")
    assert isinstance(await tryton.upsert("invoice", record, "key"), Unknown)
    assert len(erp.invoices(record["reference"])) == 1


@pytest.mark.parametrize("kind", ["server_error", "html_page", "drop_before_commit"])
async def test_a_broken_answer_to_a_write_is_unknown_and_to_a_read_is_not(
    tryton: TrytonConnector, erp: Erp, kind: str
) -> None:
    record = invoice(await a_customer(tryton))
    erp.once(kind, operation="write account.invoice")
    assert isinstance(await tryton.upsert("invoice", record, "key"), Unknown)
    erp.once(kind, operation="read account.invoice")
    assert isinstance(await tryton.upsert("invoice", record, "key"), TryLater)
    assert erp.invoices(record["reference"]) == []


async def test_throttling_says_when_to_come_back(tryton: TrytonConnector, erp: Erp) -> None:
    erp.once("throttle", retry_after=7)
    verdict = await tryton.health()
    assert isinstance(verdict, TryLater)
    assert (verdict.kind, verdict.after) == (Kind.RATE_LIMITED, timedelta(seconds=7))


async def test_a_request_its_caller_gave_up_on_is_not_carried_out_later(erp: Erp) -> None:
    hurried = TrytonConnector(erp.connection(deadline=1.0))
    record = invoice(await a_customer(hurried))
    erp.once("slow", "write account.invoice", milliseconds=1500)
    assert isinstance(await hurried.upsert("invoice", record, "key"), Unknown)
    await hurried.close()
    await asyncio.sleep(1)
    assert erp.invoices(record["reference"]) == []


async def test_a_forgotten_session_is_renewed_once(tryton: TrytonConnector, erp: Erp) -> None:
    done(await tryton.health(), Outcome.READ)
    erp.once("auth_expired")
    done(await tryton.health(), Outcome.READ)
    erp.once("auth_expired", "read res.user", count=2)
    verdict = await tryton.health()
    assert isinstance(verdict, Misconfigured) and verdict.kind is Kind.AUTH


async def test_no_credential_is_in_what_is_kept(tryton: TrytonConnector, erp: Erp) -> None:
    verdict = await tryton.health()
    assert verdict.exchange is not None
    kept = verdict.exchange.request + verdict.exchange.response
    assert erp.password not in kept and "Session " not in kept


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


async def test_the_feed_tells_of_payment(tryton: TrytonConnector, erp: Erp) -> None:
    ref, record = await a_posted(tryton)
    (booked,) = erp.invoices(record["reference"])
    erp.control.do("pay_invoice", number=booked["number"])
    cursor, more = "", True
    told: dict[str, CanonicalEvent] = {}
    while more:
        page = await tryton.read_changes("invoice", cursor, 50)
        told |= {change.event.subject: change.event for change in page.changes}
        cursor, more = page.next_cursor, page.has_more
    assert told[f"invoice/{ref}"].type == INVOICE_PAID
    assert done(await tryton.get("invoice", ref), Outcome.READ).values["state"] == "paid"
    done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.ALREADY_DONE)


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
    erp.control.do("crash")
    for _ in range(100):
        verdict = await tryton.get("invoice", ref)
        if isinstance(verdict, Done):
            break
        assert isinstance(verdict, TryLater | Unavailable), verdict
        await asyncio.sleep(0.1)
    assert done(verdict, Outcome.READ).values["reference"] == record["reference"]
