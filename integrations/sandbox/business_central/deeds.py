"""What people do in the pretend environment."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.sandbox.business_central.books import Books, stamp
from integrations.sandbox.business_central.hooks import Hooks
from integrations.sandbox.business_central.journals import Journals
from integrations.sandbox.control import Impossible
from integrations.sandbox.store import Document

Wanted = Mapping[str, Any]


def _pay_invoice(books: Books, wanted: Wanted) -> Document:
    """The invoice of that `number`, or the oldest one that is open, is paid. Raises Impossible."""
    for one in books.unpaid():
        if one.content["number"] == wanted.get("number", one.content["number"]):
            return books.paid(one.id)
    raise Impossible("no such invoice is open")


def _close_period(books: Books, wanted: Wanted) -> Document:
    return _turned(books, wanted, closed=True)


def _reopen_period(books: Books, wanted: Wanted) -> Document:
    return _turned(books, wanted, closed=False)


def _turned(books: Books, wanted: Wanted, *, closed: bool) -> Document:
    """The month `period`, or this one, of a `company`."""
    month = wanted.get("period", f"{datetime.now(UTC):%Y-%m}")
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


def _subscribe(hooks: Hooks, wanted: Wanted) -> str:
    """Somebody has changes of a `collection` told to a `url`, of all companies or those named."""
    known = hooks.store.all("companies")
    named = wanted.get("companies") or [one.content["name"] for one in known]
    chosen = [one for one in known if one.content["name"] in named]
    collection = wanted.get("collection", "salesInvoices")
    made = [
        hooks.add(
            {
                "notificationUrl": wanted["url"],
                "resource": f"/api/v1.0/companies({company.id})/{collection}",
                "clientState": wanted.get("state", ""),
            }
        )
        for company in chosen
    ]
    return made[0].id


def _unsubscribe(hooks: Hooks, wanted: Wanted) -> str:
    """Nothing is told any more to the door of the subscription `id`."""
    url = hooks.books.one("subscriptions", str(wanted["id"])).content["notificationUrl"]
    for one in hooks.store.all("subscriptions", notificationUrl=url):
        hooks.store.remove("subscriptions", one.id)
    return str(wanted["id"])


def _age(hooks: Hooks, wanted: Wanted) -> str:
    """The subscriptions to a `url` have only so many `hours` left."""
    ends = {"expirationDateTime": stamp(datetime.now(UTC) + timedelta(hours=wanted["hours"]))}
    for one in hooks.store.all("subscriptions", notificationUrl=wanted["url"]):
        hooks.store.change("subscriptions", one.id, ends)
    return ""


HOOKED: Mapping[str, Callable[[Hooks, Wanted], str]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "age_subscriptions": _age,
}


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
