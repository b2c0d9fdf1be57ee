"""The account's books as an accountant reads them, whatever the API shows of them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from integrations.sandbox import marked_revenue
from integrations.sandbox.netsuite.account import PAPERS, Account

STATES = {"D": "draft", "A": "posted", "B": "paid"}
Row = dict[str, Any]


def invoices(account: Account) -> Iterator[Row]:
    """Invoices, and credit memos as less than zero. What a credit memo was applied to is settled,
    but nobody has paid anything: such a memo is posted."""
    for kind in PAPERS:
        sign = 1 if kind == "invoice" else -1
        for one in account.store.all(kind):
            paper = account.shown(kind, one)
            net, tax = paper["subtotal"], paper["taxTotal"]
            state = STATES[paper["status"]["id"]]
            yield {
                "id": one.id,
                "company": _company(account, one.content["subsidiary"]["id"]),
                "currency": paper["currency"]["refName"],
                "reference": paper["externalId"],
                "number": paper["tranId"],
                "state": "posted" if sign < 0 and state == "paid" else state,
                "date": paper["tranDate"],
                "untaxed": str(sign * net),
                "tax": str(sign * tax),
                "total": str(sign * (net + tax)),
            }


def revenue(account: Account) -> Iterator[Row]:
    """What is posted as revenue of each project and month."""
    return marked_revenue.revenue(
        (
            _company(account, entry.content["subsidiary"]["id"]),
            str(line.get("memo", "")),
            Decimal(str(line.get("credit") or 0)) - Decimal(str(line.get("debit") or 0)),
        )
        for entry in account.store.all("journalEntry")
        if entry.content["status"]["id"] == "B"
        for line in entry.content["line"]["items"]
    )


def _company(account: Account, subsidiary: object) -> str:
    """What the firm calls it."""
    return str(account.store.get("subsidiary", str(subsidiary)).content["externalid"])
