"""What was sold: deals, what was signed, what was changed since."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from controltower.canonical.records.base import PRICES, Record
from controltower.canonical.records.delivery import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity(Record):
    """A deal. `won` is true once it is closed won; `change_order` names the last one that changed
    what was sold."""

    customer_id: str = ""
    customer_name: str = ""
    stage: str = ""
    won: bool = False
    amount: Decimal = Decimal(0)
    currency: str = field(default="", metadata=PRICES)
    close_date: date | None = None
    billing_method: str = ""
    billing_grouping: str = ""
    po_number: str = ""
    template: str = ""
    region: str = ""
    project_id: str = ""
    erp_customer_code: str = ""
    change_order: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Record):
    """What both sides signed. `value` is without tax, in `currency`; `cap` the most that may be
    billed under it (zero: no cap); `retainer` what is billed each month whatever was worked, for
    `retainer_hours` of it (zero: for work worth as much), `retainer_billed` in "advance" or
    "arrears". Of work above it `retainer_above` says "bill" or "hold", of what is left of a month
    `retainer_unused` "expire" or "carry over".

    `unread` names the terms that are filled in, but not so that they could be read; such a term is
    as if it were not there. `document_id` finds the signed paper in the repository of contracts.
    """

    number: str = ""
    customer_id: str = ""
    customer_name: str = ""
    opportunity_id: str = ""
    project_id: str = ""
    status: str = ""
    signed_on: date | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    currency: str = field(default="", metadata=PRICES)
    value: Decimal = Decimal(0)
    billing_method: str = ""
    cap: Decimal = Decimal(0)
    retainer: Decimal = Decimal(0)
    retainer_hours: Decimal = Decimal(0)
    retainer_billed: str = ""
    retainer_above: str = ""
    retainer_unused: str = ""
    po_number: str = ""
    unread: tuple[str, ...] = field(default_factory=tuple)
    document_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder(Record):
    """An agreed change of a project: `amount` is added to the contract's value (less than zero
    takes away), in `currency`; `hours` to the plan; `ends_on` is the new end, None when it stays.
    """

    number: str = ""
    project: Project | None = None
    project_id: str = ""
    approved: bool = False
    approved_on: date | None = None
    currency: str = field(default="", metadata=PRICES)
    amount: Decimal = Decimal(0)
    hours: Decimal = Decimal(0)
    ends_on: date | None = None
    reason: str = ""
