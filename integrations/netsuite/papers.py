"""The vendor's two sales documents: what differs between an invoice and a credit memo.

A credit memo is over more than zero there, and over less than zero in our words. It has no
approval: what is sent is booked.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A sales document: our names of it, the vendor's names of the record and of its type in
    SuiteQL, the sign by which its amounts are ours, and whether it waits for approval."""

    entity: str
    title: str
    record: str
    type: str
    sign: int
    is_approved: bool

    @property
    def of_type(self) -> str:
        """A test of SuiteQL."""
        return f"type = '{self.type}'"

    @property
    def living(self) -> str:
        """A test of SuiteQL: neither voided nor rejected."""
        return f"status NOT IN ('{self.type}:V', '{self.type}:E')"

    @property
    def booked(self) -> str:
        """A test of SuiteQL: open or settled."""
        return f"{self.of_type} AND status IN ('{self.type}:A', '{self.type}:B')"


INVOICE = Paper("invoice", "invoice", "invoice", "CustInvc", 1, True)
CREDIT_NOTE = Paper("credit_note", "credit note", "creditMemo", "CustCred", -1, False)
PAPERS = {paper.record: paper for paper in (INVOICE, CREDIT_NOTE)}
