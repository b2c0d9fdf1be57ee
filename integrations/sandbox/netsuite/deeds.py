"""What people do in the pretend account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from integrations.sandbox.control import Impossible
from integrations.sandbox.netsuite.account import Account
from integrations.sandbox.store import Document

Wanted = Mapping[str, Any]


def _pay_invoice(account: Account, wanted: Wanted) -> Document:
    """The invoice of that `id` or `number`, or the oldest one that is open, is paid. Raises
    Impossible."""
    for one in account.unpaid():
        names = (one.id, one.content["tranId"])
        if names == (str(wanted.get("id", names[0])), wanted.get("number", names[1])):
            return account.paid(one.id)
    raise Impossible("no such invoice is open")


def _close_period(account: Account, wanted: Wanted) -> Document:
    return _turned(account, wanted, "T")


def _reopen_period(account: Account, wanted: Wanted) -> Document:
    return _turned(account, wanted, "F")


def _turned(account: Account, wanted: Wanted, closed: str) -> Document:
    month = wanted.get("period", f"{datetime.now(UTC):%Y-%m}")
    period = account.period(f"{month}-01")
    return account.store.change("accountingperiod", period.id, {"closed": closed})


def _remark(account: Account, wanted: Wanted) -> Document:
    """A note on the invoice, or the credit memo (`kind`), `id` that no total rests on."""
    kind = str(wanted.get("kind", "invoice"))
    return account.store.change(kind, str(wanted["id"]), {"message": "Thank you"})


def _save_customer(account: Account, wanted: Wanted) -> Document:
    """The customer `id` is saved with a remark that nothing rests on."""
    return account.store.change("customer", str(wanted["id"]), {"comments": "Called"})


def _add_customer(account: Account, wanted: Wanted) -> Document:
    """A customer of the first subsidiary that somebody enters by hand."""
    first = {"id": account.store.all("subsidiary")[0].id}
    blank: dict[str, Any] = {"externalId": None, "subsidiary": first, "addressBook": {"items": []}}
    return account.store.add("customer", {**blank, **wanted})


DEEDS: Mapping[str, Callable[[Account, Wanted], Document]] = {
    "pay_invoice": _pay_invoice,
    "close_period": _close_period,
    "reopen_period": _reopen_period,
    "remark": _remark,
    "save_customer": _save_customer,
    "add_customer": _add_customer,
}
