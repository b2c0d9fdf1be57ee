"""What is delivered: projects, who is on them, and the work to be billed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from controltower.canonical.records.base import NAMES_SOMEBODY, PAYS_SOMEBODY, PRICES, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Record):
    """A delivery project in the PSA. `change_limit` is the most that its contract lets one change
    order add, zero when it says nothing."""

    customer_id: str = ""
    customer_name: str = ""
    opportunity_id: str = ""
    stage: str = ""
    billing_method: str = ""
    billing_grouping: str = ""
    po_number: str = ""
    region: str = ""
    currency: str = field(default="", metadata=PRICES)
    contract_value: Decimal = Decimal(0)
    change_limit: Decimal = Decimal(0)
    start_date: date | None = None
    end_date: date | None = None
    external_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(Record):
    """Somebody on a project for a time. `rate` is what an hour is billed at, in `currency`; both
    days are included. `skills` are what the place asks for, `hours` how much of the person's time
    altogether (zero: not planned). `over` once the PSA has it ended or cancelled."""

    project: Project | None = None
    project_id: str = ""
    resource_id: str = ""
    resource_name: str = field(default="", metadata=NAMES_SOMEBODY)
    role: str = ""
    skills: tuple[str, ...] = field(default_factory=tuple)
    status: str = ""
    from_date: date | None = None
    to_date: date | None = None
    hours: Decimal = Decimal(0)
    rate: Decimal = Decimal(0)
    currency: str = field(default="", metadata=PRICES)
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BillableFact(Record):
    """Something approved in the PSA that is billed, or reported as cost when not billable.

    `project` is as complete as the source's relationship fields allow; `number` is the human key
    (timecard, expense or milestone name). `corrects` is the source's id of the billed fact that
    this one takes back, with an amount of less than zero; "" for all others. Who did it is
    `resource_number` of the firm, employed by the company `employer`; "" where the source does not
    say.
    """

    number: str
    project: Project | None = None
    project_id: str = ""
    currency: str = field(default="", metadata=PRICES)
    amount: Decimal = Decimal(0)
    billable: bool = True
    approved: bool = True
    billed: bool = False
    invoice_number: str = ""
    on: date | None = None
    resource_name: str = field(default="", metadata=NAMES_SOMEBODY)
    corrects: str = ""
    resource_number: str = ""
    employer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry(BillableFact):
    """An approved timecard split: hours of one person on one project in one week. `invoiced` is
    what of a correction stands on its credit note, less than zero."""

    hours: Decimal = Decimal(0)
    invoiced: Decimal = Decimal(0)
    rate: Decimal = Decimal(0)
    cost_rate: Decimal = field(default=Decimal(0), metadata=PAYS_SOMEBODY)
    role: str = ""
    week_start: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLeftOut(BillableFact):
    """Approved work that its contract's cap had no room for: `amount` of it stands on no invoice,
    and `left_out_of` is our reference of the one that left it out."""

    left_out_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainerMonth(BillableFact):
    """A month ("2026-11") for which a contract has a fee billed, whatever was worked in it."""

    retainer_month: str = ""
    contract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense(BillableFact):
    """An approved expense to be re-billed."""

    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone(BillableFact):
    """A fixed-fee milestone approved for billing."""

    target_date: date | None = None
