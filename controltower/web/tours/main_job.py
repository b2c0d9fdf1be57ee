"""The main job: a deal is won, work is approved, and exactly one invoice is in the ERP's books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from controltower.transactions.models import Transaction
from controltower.web.tours.erp_books import BOOKED
from controltower.web.tours.walk import Door, TourFailed, Walk

DEAL = {
    "entity": "LF-DE",
    "client": "SIL",
    "amount": "48200.00",
    "billing": "Time and materials",
    "grouping": "Project",
}
HOURS = "36.5"


@dataclass(slots=True)
class MainJob:
    """One walk; afterwards it knows what came of it."""

    walk: Walk
    crm: Door
    erp: Door
    setup: Transaction | None = None
    billing: Transaction | None = None
    invoice: str = ""

    @property
    def project(self) -> str:
        """The project's id in the PSA."""
        return str(self.setup.steps.get(name="project").ref) if self.setup else ""

    def play(self) -> Iterator[dict[str, Any]]:
        """Play it, yielding each thing that happened. Raises TourFailed."""
        walk = self.walk
        deal = self.crm.do("close_deal", **DEAL)
        yield walk.tell("CRM", f"Deal won: {deal['name']}, €{deal['amount']}", deal["opportunity"])
        self.setup = walk.until_over("opportunity", deal["opportunity"], "opportunity-to-project")
        yield from walk.steps(self.setup)
        work = self.crm.do("approve_time", project=self.project, hours=HOURS)
        number = str(work["number"])
        yield walk.tell("PSA", f"Time approved: {number}, {HOURS} hours", work["timecard"])
        self.billing = walk.until_over("approved work", number, "time-and-expense-to-billing")
        yield from walk.steps(self.billing)
        yield self._proof(self.setup, self.billing)

    def _proof(self, setup: Transaction, billing: Transaction) -> dict[str, Any]:
        """Exactly one posted invoice of exactly this amount, read from the ERP's own books."""
        found = self.erp.books("invoices", reference=billing.reference)
        if len(found) != 1:
            raise TourFailed(
                f"The ERP's books hold {len(found)} invoices with reference {billing.reference}."
            )
        (invoice,) = found
        if invoice["state"] not in BOOKED or Decimal(invoice["untaxed"]) != billing.amount:
            raise TourFailed(
                f"The books show {invoice['number']} as {invoice['state']} over "
                f"{invoice['untaxed']}; the tower sent {billing.amount}."
            )
        self.invoice = str(invoice["number"])
        line = self.walk.tell(
            "ERP books",
            f"Exactly one invoice, {self.invoice}, {invoice['state']}: {invoice['untaxed']} + "
            f"{invoice['tax']} tax = {invoice['total']} {invoice['currency']}",
            billing.reference,
        )
        line["correlation_id"] = setup.correlation_id
        return line
