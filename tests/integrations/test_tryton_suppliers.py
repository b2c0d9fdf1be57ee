"""Suppliers and their invoices in a real Tryton: the common suite, posting, and its own tax."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.verdicts import Kind, Outcome
from integrations.tryton.connector import TrytonConnector
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.erp import TODAY, Erp, done, fresh, invoice, rejected
from tests.integrations.subject import Subject
from tests.integrations.test_tryton_conformance import TrytonSubject

pytestmark = [pytest.mark.tryton, pytest.mark.slow]


def supplier(company: str = "LF-DE", **other: Any) -> dict[str, Any]:
    """A supplier's record, under a new code."""
    code = fresh("S")
    return {"company": company, "code": code, "name": f"Kranich {code}", "country": "DE"} | other


def bill(party: str, **other: Any) -> dict[str, Any]:
    """A supplier's invoice of one line over 480.00."""
    line = {
        "description": "Rail", "quantity": "1", "unit": "unit", "unit_price": "480.00",
        "amount": "480.00", "tax_code": "DE-19", "account_code": "5.2.1", "origin": "S/1",
    }  # fmt: skip
    ours = {"reference": fresh("CT-S"), "payment_term": "", "lines": [line], "untaxed": ""}
    return invoice(party) | ours | other


class Bills(TrytonSubject):
    """Suppliers' invoices, found by our reference."""

    entity = "supplier_invoice"
    has_money = True
    has_keys = False
    members = ("id", "reference", "untaxed_amount", "state", "currency.", "lines.")
    choices = ("state",)

    async def prepare(self, tag: str) -> None:
        await self.connector.upsert("supplier", supplier(code="S-CONFORM"), "S-CONFORM")

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        (line,) = bill("S-CONFORM")["lines"]
        line |= {"unit_price": str(amount), "amount": str(amount)}
        return bill("S-CONFORM", reference=tag, description=name, lines=[line])

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"reference": tag, "company": "LF-DE"}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["description"], values["untaxed"]


@conforming(Bills, OF_AN_ENTITY)
class TestBills:
    @pytest.fixture
    async def subject(self, erp: Erp, tag: str) -> Subject:
        subject = Bills(erp)
        await subject.prepare(tag)
        return subject


@pytest.mark.parametrize(
    ("company", "tax_code", "currency", "tax"),
    [
        ("LF-DE", "DE-19", "EUR", "91.20"),
        ("LF-UK", "GB-20", "GBP", "96.00"),
        ("LF-US", "US-0", "USD", "0.00"),
    ],
)
async def test_a_bill_is_posted_once_with_its_tax(
    tryton: TrytonConnector, erp: Erp, company: str, tax_code: str, currency: str, tax: str
) -> None:
    party = supplier(company)
    done(await tryton.upsert("supplier", party, "k"), Outcome.CREATED)
    (line,) = bill("x")["lines"]
    wanted = bill(
        party["code"], company=company, currency=currency, lines=[line | {"tax_code": tax_code}]
    )
    drafted = done(await tryton.upsert("supplier_invoice", wanted, "k"), Outcome.CREATED)
    again = done(await tryton.upsert("supplier_invoice", wanted, "k"), Outcome.UNCHANGED)
    assert again.ref == drafted.ref
    for outcome in (Outcome.UPDATED, Outcome.ALREADY_DONE):
        verdict = await tryton.act("supplier_invoice", drafted.ref, "post", {}, "k")
        posted = done(verdict, outcome)
    assert posted.values["state"] == "posted"
    (kept,) = erp.supplier_invoices(wanted["reference"])
    assert (kept["company"], kept["untaxed"], kept["tax"]) == (company, "480.00", tax)
    assert kept["move_state"] == "posted"
    assert erp.invoices(wanted["reference"]) == []


async def test_a_supplier_is_created_once_and_gets_an_account_in_each_company(
    tryton: TrytonConnector,
) -> None:
    party = supplier()
    first = done(await tryton.upsert("supplier", party, "k"), Outcome.CREATED)
    second = done(await tryton.upsert("supplier", party, "k"), Outcome.UNCHANGED)
    in_leeds = party | {"company": "LF-UK"}
    elsewhere = done(await tryton.upsert("supplier", in_leeds, "k"), Outcome.UPDATED)
    assert first.ref == second.ref == elsewhere.ref


async def test_a_bill_of_a_closed_month_is_held_in_words(tryton: TrytonConnector, erp: Erp) -> None:
    party = supplier()
    done(await tryton.upsert("supplier", party, "k"), Outcome.CREATED)
    wanted = bill(party["code"], invoice_date="2025-03-10")
    drafted = done(await tryton.upsert("supplier_invoice", wanted, "k"), Outcome.CREATED)
    erp.control.do("close_period", company="LF-DE", period="2025-03")
    try:
        verdict = await tryton.act("supplier_invoice", drafted.ref, "post", {}, "k")
        refusal = rejected(verdict, Kind.PERIOD_CLOSED)
        assert "closed in Larkfield Advisory GmbH" in refusal.text
    finally:
        erp.control.do("reopen_period", company="LF-DE", period="2025-03")


async def test_an_unknown_supplier_and_account_are_told_together(tryton: TrytonConnector) -> None:
    (line,) = bill("x")["lines"]
    wanted = bill("NOBODY", lines=[line | {"account_code": "9.9.9"}], invoice_date=TODAY)
    refusal = rejected(await tryton.upsert("supplier_invoice", wanted, "k"), Kind.REFERENCE_MISSING)
    assert "Supplier NOBODY" in refusal.text
    assert "Account 9.9.9" in refusal.text
