"""Coupa's documents in canonical words. Each kind is a resource of its own with its own fields."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from controltower.canonical.events import PURCHASE_APPROVED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Purchase
from integrations import exact_json
from integrations.connector import Change
from integrations.coupa.runs import ref_of
from integrations.shape import (
    Row,
    amount_text,
    at,
    choice,
    day,
    flag,
    listed,
    moment,
    object_of,
    required,
    text,
)

_INVOICE_STATUS = (
    "new", "draft", "save_as_draft", "ap_hold", "on_hold", "booking_hold", "pending_receipt",
    "pending_approval", "disputed", "approved", "voided",
)  # fmt: skip
_ORDER_STATUS = (
    "draft", "buyer_hold", "supplier_window_hold", "scheduled_for_release", "issued", "closed",
    "soft_closed", "cancelled", "error", "currency_hold",
)  # fmt: skip
_REPORT_STATUS = (
    "draft", "pending_approval", "pending_audit", "approved", "approved_for_payment", "rejected",
    "audit_failed", "voided",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A kind of document: where it is, when it counts as approved, what it is called when that is
    taken back, and how its fields are named."""

    kind: str
    resource: str
    approved: str
    statuses: tuple[str, ...]
    number: str
    on: str
    lines: str
    line_amount: str
    supplier: str = "supplier"
    revised: bool = False
    withdrawn: str = "voided"

    @property
    def told(self) -> str:
        """The statuses in which it is told of, as the vendor lists them."""
        return f"{self.approved},{self.withdrawn}"

    def source_id(self, row: Row) -> str:
        """Ids are counted by kind, so the kind is part of ours. Raises Drift."""
        return f"{self.kind}-{ref_of(row)}"


INVOICE = Document(
    kind="invoice", resource="/invoices", approved="approved", statuses=_INVOICE_STATUS,
    number="invoice-number", on="invoice-date", lines="invoice-lines", line_amount="total",
)  # fmt: skip
ORDER = Document(
    kind="order", resource="/purchase_orders", approved="issued", statuses=_ORDER_STATUS,
    number="po-number", on="created-at", lines="order-lines", line_amount="total",
    revised=True, withdrawn="cancelled",
)  # fmt: skip
REPORT = Document(
    kind="report", resource="/expense_reports", approved="approved_for_payment",
    statuses=_REPORT_STATUS, number="title", on="submitted-at", lines="expense-lines",
    line_amount="amount", supplier="expensed-by",
)  # fmt: skip
DOCUMENTS: Mapping[str, Document] = {one.kind: one for one in (INVOICE, ORDER, REPORT)}


def purchase(document: Document, row: Row) -> Purchase:
    """A document of that kind. What its lines agree on is the purchase's; where they differ, all
    values are named, and no process can mistake them for one. Raises Drift."""
    lines = listed(row, document.lines)
    paid_to = object_of(at(row, document.supplier))
    is_report = document is REPORT
    return Purchase(
        source_id=document.source_id(row),
        name=required(row, document.number),
        entity=_common(text(line, "account.account-type.name") for line in lines),
        number=required(row, document.number),
        kind=document.kind,
        supplier_name=text(paid_to, "fullname" if is_report else "name"),
        supplier_number=text(paid_to, "employee-number" if is_report else "number"),
        supplier_country="" if is_report else text(paid_to, "primary-address.country.code"),
        project_id=_common(text(line, "custom-fields.project") for line in lines),
        status=choice(row, "status", dict(zip(document.statuses, document.statuses, strict=True))),
        approved=text(row, "status") != document.withdrawn,
        account_code=_common(text(line, "account.code") for line in lines),
        tax_code=_common(text(line, "tax-code") for line in lines),
        currency=required(row, "currency.code"),
        amount=sum((amount_text(line, document.line_amount) for line in lines), Decimal(0)),
        tax=amount_text(row, "tax-amount"),
        on=day(row, document.on),
        billable=any(flag(line, "custom-fields.re-billable") for line in lines),
        order_number=_common(text(line, "po-number") for line in lines),
        resource_id=text(paid_to, "employee-number") if is_report else "",
    )


def _common(values: Iterable[str]) -> str:
    """What all lines say, or everything that they say."""
    return ", ".join(dict.fromkeys(filter(None, values)))


def change(source: str, document: Document, row: Row) -> Change:
    """One fact. Its id is made of what the purchase says: a revision is another fact, our own mark
    makes none. Raises Drift."""
    found = purchase(document, row)
    keys = [BusinessKey("purchase", found.number)]
    if found.project_id:
        keys.append(BusinessKey("project", found.project_id))
    if found.order_number:
        keys.append(BusinessKey("po", found.order_number))
    event = CanonicalEvent(
        id=f"purchase:{found.source_id}:{digest(found)}",
        type=PURCHASE_APPROVED,
        source=f"{source}/purchase",
        subject=f"purchase:{found.source_id}",
        time=moment(row, "updated-at"),
        version=moment(row, "updated-at").isoformat(timespec="microseconds"),
        record=found,
        keys=tuple(keys),
    )
    return Change(raw=exact_json.encode({document.kind: row}).encode(), event=event)


def reread(source: str, raw: bytes) -> Change:
    """The fact that the bytes of a row tell. Raises Drift."""
    ((kind, row),) = object_of(exact_json.decode(raw)).items()
    return change(source, DOCUMENTS[kind], object_of(row))


def digest(found: Purchase) -> str:
    """The identity of what a purchase says."""
    said = exact_json.encode(found.as_dict()).encode()
    return hashlib.blake2b(said, digest_size=8).hexdigest()


def retold(raw: bytes) -> Purchase:
    """What the bytes of a change mean. Raises Drift."""
    ((kind, row),) = object_of(exact_json.decode(raw)).items()
    return purchase(DOCUMENTS[kind], object_of(row))
