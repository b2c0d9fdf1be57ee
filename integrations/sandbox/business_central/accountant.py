"""The environment's books as an accountant reads them, whatever the API shows of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from integrations.sandbox import marked_revenue
from integrations.sandbox.business_central.books import PAPERS, Books, totals
from integrations.sandbox.business_central.journals import ENTRIES
from integrations.sandbox.store import Document

STATES = {"Draft": "draft", "Open": "posted", "Paid": "paid"}
Row = dict[str, Any]


def invoices(books: Books) -> Iterator[Row]:
    """Sales invoices, and credit memos as less than zero. What a credit memo was applied to is
    settled, but nobody has paid anything: such a memo is posted."""
    companies = {one.id: one.content for one in books.store.all("companies")}
    for kind in PAPERS:
        for paper in books.store.all(kind):
            yield _paper(paper, companies[paper.content["company"]])


def _paper(paper: Document, company: Mapping[str, Any]) -> Row:
    said, shape = paper.content, PAPERS[paper.kind]
    sign = 1 if paper.kind == "salesInvoices" else -1
    net, tax = totals([line for line in said["lines"] if line["lineType"] != "Comment"])
    state = STATES[said["status"]]
    return {
        "id": paper.id,
        "company": company["name"],
        "currency": said["currencyCode"] or company["currency"],
        "reference": said["externalDocumentNumber"],
        "number": said["number"],
        "state": "posted" if sign < 0 and state == "paid" else state,
        "date": said[shape.dated],
        "untaxed": str(sign * net),
        "tax": str(sign * tax),
        "total": str(sign * (net + tax)),
    }


def revenue(books: Books) -> Iterator[Row]:
    """What is posted as revenue of each project and month."""
    names = {one.id: one.content["name"] for one in books.store.all("companies")}
    return marked_revenue.revenue(
        (
            names[entry.content["company"]],
            entry.content["description"],
            Decimal(entry.content["creditAmount"]) - Decimal(entry.content["debitAmount"]),
        )
        for entry in books.store.all(ENTRIES)
    )
