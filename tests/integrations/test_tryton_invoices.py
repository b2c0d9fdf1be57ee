"""Invoices in a real Tryton, checked in its own books."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Outcome,
    Rejected,
    TryLater,
)
from integrations.tryton.connector import TrytonConnector
from tests.integrations.erp import (
    BOOKS,
    TODAY,
    Erp,
    a_customer,
    a_draft,
    done,
    fresh,
    invoice,
    rejected,
)

pytestmark = [pytest.mark.tryton, pytest.mark.slow]


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


async def test_a_foreign_currency_is_invoiced_and_booked(tryton: TrytonConnector, erp: Erp) -> None:
    ref, record = await a_draft(tryton, currency="USD")
    posted = done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)
    (booked,) = erp.invoices(record["reference"])
    assert (booked["currency"], booked["untaxed"]) == ("USD", "1076.63")
    assert posted.values["total"] == Decimal("1281.19")


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
    erp.control.do("close_period", company="LF-US", period="2026-03")
    refused = rejected(await tryton.act("invoice", ref, "post", {}, "key"), Kind.PERIOD_CLOSED)
    assert "Larkfield Advisory Inc." in refused.text and "2026-03-12" in refused.text
    asked = await tryton.find("period", {"company": "LF-US", "date": "2026-03-12"})
    assert done(asked, Outcome.READ).values["state"] == "closed"

    erp.control.do("reopen_period", company="LF-US", period="2026-03")
    done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)
    assert erp.invoices(record["reference"])[0]["period"] == "2026-03"


async def test_work_of_a_closed_period_can_be_billed_in_the_next(
    tryton: TrytonConnector, erp: Erp
) -> None:
    ref, record = await a_draft(tryton, invoice_date="2026-04-30")
    erp.control.do("close_period", company="LF-DE", period="2026-04")
    later = {"entity": "LF-DE", "invoice_date": "2026-05-01"}
    done(await tryton.act("invoice", ref, "post", later, "key"), Outcome.UPDATED)
    assert erp.invoices(record["reference"])[0]["period"] == "2026-05"


async def test_a_rehearsal_says_what_would_be_refused_and_changes_nothing(
    tryton: TrytonConnector, erp: Erp
) -> None:
    record = invoice(await a_customer(tryton, "LF-US"), "LF-US", invoice_date="2026-02-03")
    assert await tryton.check("invoice", record) is None
    erp.control.do("close_period", company="LF-US", period="2026-02")
    objection = await tryton.check("invoice", record)
    assert isinstance(objection, Rejected) and objection.kind is Kind.PERIOD_CLOSED
    objection = await tryton.check("invoice", record | {"payment_term": "NET99"})
    assert isinstance(objection, Rejected) and objection.kind is Kind.REFERENCE_MISSING
    assert erp.invoices(record["reference"]) == []


async def test_blanks_around_a_reference_make_no_second_invoice(tryton: TrytonConnector) -> None:
    ref, record = await a_draft(tryton, description=" Pricing review ")
    padded = record | {"reference": f" {record['reference']} "}
    assert done(await tryton.upsert("invoice", padded, "key"), Outcome.UNCHANGED).ref == ref
    key = {"reference": padded["reference"], "company": "LF-DE"}
    assert done(await tryton.find("invoice", key), Outcome.READ).ref == ref


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reference": ""}, "reference"),
        ({"lines": []}, "lines"),
        ({"currency": "XXX"}, "currency"),
        ({"invoice_date": "31.12.2026"}, "invoice_date"),
        ({"untaxed": "many"}, "lines"),
    ],
)
async def test_what_cannot_be_an_invoice_is_said_before_anything_is_sent(
    tryton: TrytonConnector, change: dict[str, object], field: str
) -> None:
    refused = rejected(
        await tryton.upsert("invoice", invoice("K10010") | change, "key"), Kind.VALIDATION
    )
    assert refused.fields[0].field == field
    assert refused.exchange is None


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
    erp.control.do("switch_tax", company="LF-DE", code="EU-RC", active=False)
    try:
        refused = rejected(await tryton.upsert("invoice", record, "key"), Kind.REFERENCE_MISSING)
        assert refused.fields[0].field == "tax_code"
    finally:
        erp.control.do("switch_tax", company="LF-DE", code="EU-RC", active=True)
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


async def _carrying(tryton: TrytonConnector, *facts: str) -> tuple[str, dict[str, Any]]:
    """A draft with a line for each fact."""
    party = await a_customer(tryton)
    record = invoice(party)
    line = record["lines"][0]
    record["lines"] = [line | {"origin": f"TC-1{fact}"} for fact in facts]
    made = done(await tryton.upsert("invoice", record, "key"), Outcome.CREATED)
    return made.ref, record


async def test_an_invoice_is_recognised_by_exactly_its_facts(tryton: TrytonConnector) -> None:
    one, two, three = (f" · {fresh('F_')}" for _ in range(3))
    ref, record = await _carrying(tryton, one, two)
    key = {"company": "LF-DE", "reference": "CT-ANOTHER"}
    same = done(await tryton.find("invoice", key | {"facts": [two, one]}), Outcome.READ)
    assert (same.ref, same.values["reference"]) == (ref, record["reference"])
    for facts in ([one], [one, three], [one, two, three]):
        found = rejected(await tryton.find("invoice", key | {"facts": facts}), Kind.DUPLICATE)
        assert record["reference"] in found.text
    rejected(await tryton.find("invoice", key | {"facts": [three]}), Kind.NOT_FOUND)
    elsewhere = {"company": "LF-UK", "reference": "CT-ANOTHER", "facts": [one, two]}
    rejected(await tryton.find("invoice", elsewhere), Kind.NOT_FOUND)


async def test_a_fact_finds_the_invoice_that_carries_it(tryton: TrytonConnector) -> None:
    one, two = (f" · {fresh('F_')}" for _ in range(2))
    ref, record = await _carrying(tryton, one, two)
    found = done(await tryton.find("invoice", {"company": "LF-DE", "fact": two}), Outcome.READ)
    assert (found.ref, found.values["reference"]) == (ref, record["reference"])
    unknown = {"company": "LF-DE", "fact": two.replace("_", "x")}
    rejected(await tryton.find("invoice", unknown), Kind.NOT_FOUND)
