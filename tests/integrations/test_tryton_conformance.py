"""The Tryton connector in the suite that every connector passes, on a real Tryton."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.verdicts import Outcome
from integrations.tryton.connector import TrytonConnector
from tests.integrations.conformance import OF_AN_ENTITY, conforming
from tests.integrations.erp import Erp, a_posted, customer, done, invoice
from tests.integrations.subject import DEADLINE, Subject

pytestmark = [pytest.mark.tryton, pytest.mark.slow]
KNOWN = "K10010"
"""A customer that the ERP has always had."""


class TrytonSubject(Subject):
    """What both entities share."""

    name = "tryton"
    public = ("user",)

    def __init__(self, erp: Erp) -> None:
        super().__init__(erp.connection(DEADLINE.total_seconds(), settle_seconds=0), erp.control)
        self.erp = erp


class Customers(TrytonSubject):
    """Parties, keyed by their unique code."""

    entity = "customer"
    members = ("id", "code", "name", "addresses.")

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        return customer(code=tag, name=f"{name} {tag}")

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"code": tag, "company": "LF-DE"}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"].rpartition(" ")[0], self.amount


class Invoices(TrytonSubject):
    """Drafts, found by our reference; what is posted is read."""

    entity = "invoice"
    feed = "invoice"
    has_money = True
    members = ("id", "reference", "untaxed_amount", "state", "currency.", "lines.")
    row_member, row_operation = "untaxed_amount", "read account.invoice search_read"
    choices = ("state",)

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        line = invoice(KNOWN)["lines"][0] | {"quantity": "1", "unit_price": str(amount)}
        return invoice(KNOWN, reference=tag, description=name, lines=[line])

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"reference": tag, "company": "LF-DE"}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["description"], values["untaxed"]

    async def existing(self, tag: str) -> str:
        """A draft that all checks may look at: one costs a second."""
        if not self.erp.looked_at:
            self.erp.looked_at = await super().existing(tag)
        return self.erp.looked_at

    async def comparable(self, tag: str) -> str:
        """Only what is booked is compared."""
        ref, _ = await self._booked()
        return ref

    @property
    def compared_amount(self) -> Decimal:
        return Decimal("1281.19")

    async def make_facts(self, count: int) -> list[str]:
        return [(await self._booked())[0] for _ in range(count)]

    async def _booked(self) -> tuple[str, dict[str, Any]]:
        connector = TrytonConnector(self.erp.connection())
        try:
            return await a_posted(connector, party_code=KNOWN)
        finally:
            await connector.close()

    async def touch(self, ref: str) -> None:
        async with self.erp.administrator() as console:
            await console.write("account.invoice", [int(ref)], {"comment": "seen by a clerk"})


@conforming(Customers, OF_AN_ENTITY)
class TestCustomers:
    @pytest.fixture
    def subject(self, erp: Erp) -> Subject:
        return Customers(erp)


@conforming(Invoices)
class TestInvoices:
    @pytest.fixture
    def subject(self, erp: Erp) -> Subject:
        return Invoices(erp)

    async def test_a_cancelled_draft_does_not_count(
        self, subject: Subject, erp: Erp, tag: str
    ) -> None:
        drafted = done(await subject.write(tag), Outcome.CREATED)
        async with erp.administrator() as console:
            await console.press("account.invoice", "cancel", [int(drafted.ref)])
        again = done(await subject.write(tag), Outcome.CREATED)
        assert again.ref != drafted.ref
