"""What a customer, a deal, a project or an invoice *is*, whichever system speaks of it.

Amounts are Decimal in major units beside their ISO 4217 currency; dates are local to the legal
entity; `entity` is the firm's legal-entity code ("" when the source left it out: a business rule
refuses that, not the translation).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of canonical records. `source_id` is the id in the system it was read from."""

    source_id: str
    name: str = ""
    entity: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain nested dictionaries, for mappings and storage."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """Who is billed. Contact fields are personal data."""

    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    vat_number: str = ""
    currency: str = ""
    contact_name: str = ""
    contact_email: str = ""
    strategic: bool = False
    erp_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity(Record):
    """A deal. `won` is true once it is closed won."""

    customer_id: str = ""
    customer_name: str = ""
    stage: str = ""
    won: bool = False
    amount: Decimal = Decimal(0)
    currency: str = ""
    close_date: date | None = None
    billing_method: str = ""
    billing_grouping: str = ""
    po_number: str = ""
    template: str = ""
    region: str = ""
    project_id: str = ""
    erp_customer_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Record):
    """A delivery project in the PSA."""

    customer_id: str = ""
    customer_name: str = ""
    opportunity_id: str = ""
    stage: str = ""
    billing_method: str = ""
    billing_grouping: str = ""
    po_number: str = ""
    region: str = ""
    currency: str = ""
    contract_value: Decimal = Decimal(0)
    start_date: date | None = None
    end_date: date | None = None
    external_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillableFact(Record):
    """Something approved in the PSA that is billed, or reported as cost when not billable.

    `project` is as complete as the source's relationship fields allow; `number` is the human key
    (timecard, expense or milestone name).
    """

    number: str
    project: Project | None = None
    project_id: str = ""
    currency: str = ""
    amount: Decimal = Decimal(0)
    billable: bool = True
    approved: bool = True
    billed: bool = False
    invoice_number: str = ""
    on: date | None = None
    resource_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry(BillableFact):
    """An approved timecard split: hours of one person on one project in one week."""

    hours: Decimal = Decimal(0)
    rate: Decimal = Decimal(0)
    cost_rate: Decimal = Decimal(0)
    role: str = ""
    week_start: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense(BillableFact):
    """An approved expense to be re-billed."""

    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone(BillableFact):
    """A fixed-fee milestone approved for billing."""

    target_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line; `amount` = quantity × unit price, rounded to the currency."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    tax_code: str = ""
    account_code: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(Record):
    """A customer invoice; `reference` is ours and finds it again in the ERP."""

    reference: str = ""
    number: str = ""
    customer_code: str = ""
    customer_name: str = ""
    currency: str = ""
    invoice_date: date | None = None
    payment_term: str = ""
    description: str = ""
    lines: tuple[InvoiceLine, ...] = field(default_factory=tuple)
    untaxed: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    state: str = ""


class ResourceStatus(StrEnum):
    """Whether somebody can be staffed."""

    ACTIVE = "active"
    LEFT = "left"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Record):
    """Somebody who works for the firm, as the HR system of record has them.

    `source_id` is that system's id; `number` the firm's own. `name` and `email` are personal data
    and masked wherever they are shown. `entity` employs; `cost_rate` is what an hour costs, in
    `currency`. `from_date` and `to_date` are the first and the last day of employment, None where
    open. `reference` is the PSA's id of the same person, written back by us. Of somebody who was
    removed only `source_id` and `status` are known.
    """

    number: str = ""
    email: str = ""
    role: str = ""
    skills: tuple[str, ...] = field(default_factory=tuple)
    location: str = ""
    cost_rate: Decimal = Decimal(0)
    currency: str = ""
    from_date: date | None = None
    to_date: date | None = None
    status: ResourceStatus = ResourceStatus.ACTIVE
    reference: str = ""
