"""What people do in the pretend environment."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from integrations.sandbox.business_central.books import Books
from integrations.sandbox.business_central.journals import Journals
from integrations.sandbox.control import Impossible
from integrations.sandbox.store import Document

Wanted = Mapping[str, Any]


def _pay_invoice(books: Books, wanted: Wanted) -> Document:
    """The invoice of that `number`, or the oldest one that is open, is paid. Raises Impossible."""
    chosen = {"number": wanted["number"]} if "number" in wanted else {}
    unpaid = books.store.all("salesInvoices", status="Open", **chosen)
    if not unpaid:
        raise Impossible("no such invoice is open")
    return books.store.change("salesInvoices", unpaid[0].id, {"status": "Paid"})


def _close_period(books: Books, wanted: Wanted) -> Document:
    return _turned(books, wanted, closed=True)


def _reopen_period(books: Books, wanted: Wanted) -> Document:
    return _turned(books, wanted, closed=False)


def _turned(books: Books, wanted: Wanted, *, closed: bool) -> Document:
    """The `month`, or this one, of a `company`."""
    month = wanted.get("month", f"{datetime.now(UTC):%Y-%m}")
    period = books.period(_company(books, wanted), f"{month}-01")
    return books.store.change("accountingPeriods", period.id, {"closed": closed})


def _remark(books: Books, wanted: Wanted) -> Document:
    """The document `id` says who sold it, on which no total rests."""
    paper = books.paper(str(wanted["id"]))
    return books.store.change(paper.kind, paper.id, {"salesperson": "JO"})


def _change_customer(books: Books, wanted: Wanted) -> Document:
    """The customer `id`, and what it says from now on."""
    said = {name: value for name, value in wanted.items() if name != "id"}
    return books.store.change("customers", str(wanted["id"]), said)


def _copy_draft(books: Books, wanted: Wanted) -> Document:
    """A second document of the reference of `id`."""
    original = books.paper(str(wanted["id"]))
    return books.store.add(original.kind, original.content, str(uuid.uuid4()))


def _switch_tax(books: Books, wanted: Wanted) -> Document:
    """Away with the tax `code` of a `company`."""
    company = _company(books, wanted)
    (code,) = books.store.all("taxGroups", company=company, code=wanted["code"])
    return books.store.remove("taxGroups", code.id)


def _open_journal(books: Books, wanted: Wanted) -> Document:
    """An empty journal of a `company` under a `code`."""
    said = {"code": wanted["code"]}
    return Journals(books).open(_company(books, wanted), said)


def _add_line(books: Books, wanted: Wanted) -> Document:
    """A clerk enters a line of another document in the journal of that `code`."""
    company = _company(books, wanted)
    (journal,) = books.store.all("journals", company=company, code=wanted["code"])
    account = books.store.all("accounts", company=company)[0].id
    by_hand = {"accountId": account, "documentNumber": "BY-HAND", "description": "By hand"}
    Journals(books).add_line(journal.id, by_hand | dict(wanted))
    return journal


def _company(books: Books, wanted: Wanted) -> str:
    code = str(wanted.get("company") or "LF-UK")
    found = books.store.all("companies", name=code)
    if not found:
        raise Impossible(f"there is no company {code}")
    return found[0].id


DEEDS: Mapping[str, Callable[[Books, Wanted], Document]] = {
    "pay_invoice": _pay_invoice,
    "close_period": _close_period,
    "reopen_period": _reopen_period,
    "remark": _remark,
    "change_customer": _change_customer,
    "copy_draft": _copy_draft,
    "switch_tax": _switch_tax,
    "open_journal": _open_journal,
    "add_journal_line": _add_line,
}
