"""What is booked: invoices, cash, revenue and cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from controltower.canonical.records.base import PAYS_SOMEBODY, PRICES, Record
from controltower.canonical.records.delivery import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line; `amount` = quantity × unit price, rounded to the currency."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    tax_code: str = field(default="", metadata=PRICES)
    account_code: str = field(default="", metadata=PRICES)
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(Record):
    """A customer invoice; `reference` is ours and finds it again in the ERP."""

    reference: str = ""
    number: str = ""
    customer_code: str = ""
    customer_name: str = ""
    currency: str = field(default="", metadata=PRICES)
    invoice_date: date | None = None
    payment_term: str = ""
    description: str = ""
    lines: tuple[InvoiceLine, ...] = field(default_factory=tuple)
    untaxed: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Record):
    """Cash that settles an invoice, wholly or in part: `amount` of it, in the invoice's
    `currency`; `open_amount` is what remains to be paid after it."""

    invoice_reference: str = ""
    invoice_number: str = ""
    customer_code: str = ""
    currency: str = field(default="", metadata=PRICES)
    amount: Decimal = Decimal(0)
    open_amount: Decimal = Decimal(0)
    paid_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredMonth(Record):
    """What of a project's fixed price is delivered by the end of an accounting month ("2026-11"),
    as the PSA measures it; `_before` is the same by the end of the month before.

    `method` is "milestones" (`done` is the worth of those reached), "hours" or "cost" (`done` of
    the `budget`, of which the contract's `value` is earned in proportion). `value` is the
    contract's then in force, in `currency`. `recognised` is what the PSA was told is in the
    ledger for the month, by `journal_entry`.
    """

    project: Project | None = None
    project_id: str = ""
    period: str = ""
    method: str = ""
    currency: str = field(default="", metadata=PRICES)
    value: Decimal = Decimal(0)
    value_before: Decimal = Decimal(0)
    budget: Decimal = Decimal(0)
    budget_before: Decimal = Decimal(0)
    done: Decimal = Decimal(0)
    done_before: Decimal = Decimal(0)
    recognised: Decimal = Decimal(0)
    journal_entry: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Record):
    """What the firm's systems agree on, for its figures: a transaction that was verified, or that a
    person has settled elsewhere. `source_id` is our reference, `kind` the workflow, `period` the
    month in which it counts ("2026-11"), `amount` in `currency`; `mapping_versions` are those by
    which it was sent ("by hand" when it was settled elsewhere), and `verified_at` is when the last
    of its targets was found to agree, or when it was settled. `lent_hours` of its work were done by
    people whom other companies of the firm employ, the companies `lent_by` (their codes)."""

    correlation_id: str = ""
    kind: str = ""
    period: str = ""
    currency: str = field(default="", metadata=PRICES)
    amount: Decimal = Decimal(0)
    mapping_versions: str = ""
    verified_at: datetime | None = None
    lent_by: str = ""
    lent_hours: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabourPart:
    """What one cost centre bears of a payroll: gross pay and the employer's contributions."""

    cost_centre: str
    hours: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LabourCost(Record):
    """What a pay period has cost one company, by the payroll that was accepted for it; both days
    are included. `amount` is the whole, in `currency`; the parts are to add up to it. Nobody's pay
    is in it: it is told by cost centre alone."""

    number: str = ""
    from_date: date | None = None
    to_date: date | None = None
    paid_on: date | None = None
    currency: str = field(default="", metadata=PRICES)
    amount: Decimal = Decimal(0)
    parts: tuple[LabourPart, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayInput(Record):
    """What of a month ("2026-11") payroll is to be told of one worker, by the firm's `number`:
    approved hours, and expenses in `currency`. The first of a worker and month is all of it; each
    later one is an `adjustment`, by what has changed since, and may be less than zero."""

    number: str = ""
    period: str = ""
    hours: Decimal = field(default=Decimal(0), metadata=PAYS_SOMEBODY)
    expenses: Decimal = field(default=Decimal(0), metadata=PAYS_SOMEBODY)
    currency: str = field(default="", metadata=PRICES)
    adjustment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PayAnswer(Record):
    """What the payroll provider did with a pay input: by our `reference` of it, whether it was
    `accepted`, and if not, why."""

    reference: str = ""
    accepted: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase(Record):
    """Something bought for a project: a supplier's invoice, a purchase order or an expense report
    of the spend system. `amount` is without tax, in `currency`; `tax` comes on top, under the spend
    system's own `tax_code`. One that is voided is `approved` no longer. `supplier_number` is its
    number there; of an expense report, the employee's. A field of which the lines say several
    things holds all of them, by commas."""

    number: str = ""
    kind: str = ""
    supplier_name: str = ""
    supplier_number: str = ""
    supplier_country: str = ""
    project_id: str = ""
    status: str = ""
    approved: bool = True
    account_code: str = field(default="", metadata=PRICES)
    tax_code: str = field(default="", metadata=PRICES)
    currency: str = field(default="", metadata=PRICES)
    amount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    on: date | None = None
    billable: bool = False
    order_number: str = ""
    resource_id: str = ""
