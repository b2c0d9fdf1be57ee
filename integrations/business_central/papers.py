"""The vendor's two sales documents: what differs between an invoice and a credit memo.

A credit memo is over more than zero there, and over less than zero in our words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A sales document: our name of it, the vendor's names of its collection, of its lines and of
    its date, the sign by which its amounts are ours, and where a purchase order stands ("" for
    nowhere)."""

    entity: str
    title: str
    collection: str
    lines: str
    dated: str
    sign: int
    ordered_by: str

    @property
    def expanded(self) -> Mapping[str, str]:
        """The query that shows a document with its lines."""
        return {"$expand": self.lines}


INVOICE = Paper(
    "invoice", "invoice", "salesInvoices", "salesInvoiceLines", "invoiceDate", 1,
    "customerPurchaseOrderReference",
)  # fmt: skip
CREDIT_NOTE = Paper(
    "credit_note", "credit note", "salesCreditMemos", "salesCreditMemoLines", "creditMemoDate",
    -1, "",
)  # fmt: skip
PAPERS = {paper.entity: paper for paper in (INVOICE, CREDIT_NOTE)}
