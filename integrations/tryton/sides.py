"""Both sides of the books: invoices that we send to customers, and those that suppliers send us."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Side:
    """What differs between the two in Tryton: the type of invoice and of journal, and which of a
    party's fields hold its account and its payment term."""

    party: str
    type: str
    journal: str
    account: str
    account_title: str
    term: str


SALE = Side(
    "customer", "out", "revenue", "account_receivable", "receivable account",
    "customer_payment_term",
)  # fmt: skip
PURCHASE = Side(
    "supplier", "in", "expense", "account_payable", "payable account", "supplier_payment_term",
)  # fmt: skip
PARTIES = {"customer": SALE, "supplier": PURCHASE}
INVOICES = {"invoice": SALE, "credit_note": SALE, "supplier_invoice": PURCHASE}
