"""A business fact that another system reports, in canonical words (CloudEvents 1.0 attributes)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from controltower.canonical.records import Record

OPPORTUNITY_WON = "opportunity.won"
TIMESHEET_APPROVED = "timesheet.approved"
EXPENSE_APPROVED = "expense.approved"
MILESTONE_APPROVED = "milestone.approved"
INVOICE_POSTED = "invoice.posted"
INVOICE_PAID = "invoice.paid"
RESOURCE_CHANGED = "resource.changed"
ABSENCE_CHANGED = "absence.changed"
ASSIGNMENT_CHANGED = "assignment.changed"
CUSTOMER_CHANGED = "customer.changed"
CONTRACT_SIGNED = "contract.signed"
CHANGE_ORDER_APPROVED = "change_order.approved"
PURCHASE_APPROVED = "purchase.approved"
FACT_VERIFIED = "fact.verified"
FACT_ANNOUNCED = "fact.announced"
PAYROLL_ACCEPTED = "payroll.accepted"
PAY_INPUT_DUE = "pay_input.due"
PAY_INPUT_ANSWERED = "pay_input.answered"
WORK_DELIVERED = "work.delivered"
PROJECT_SET_UP = "project.set_up"
WORK_LEFT_OUT = "work.left_out"
WORK_WRITTEN_OFF = "work.written_off"
RETAINER_DUE = "retainer.due"


@dataclass(frozen=True, slots=True)
class BusinessKey:
    """A name by which people look for the record: ("opportunity", "006…"), ("po", "4500…")."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalEvent:
    """One fact. `id` is unique per source and the same whenever the same fact is read again.

    `version` orders facts about one subject: a lexically greater version is newer. An event whose
    content is unchanged keeps its id, so that re-reading never makes a second fact.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    version: str
    record: Record
    keys: tuple[BusinessKey, ...] = field(default_factory=tuple)
    correlation_id: str = ""
