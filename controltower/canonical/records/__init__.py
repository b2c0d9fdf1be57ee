"""What a customer, a deal, a project or an invoice *is*, whichever system speaks of it.

Amounts are Decimal in major units beside their ISO 4217 currency; dates are local to the legal
entity; `entity` is the firm's legal-entity code ("" when the source left it out: a business rule
refuses that, not the translation).
"""

from __future__ import annotations

from controltower.canonical.records.base import Record
from controltower.canonical.records.books import (
    DeliveredMonth,
    Fact,
    Invoice,
    InvoiceLine,
    LabourCost,
    LabourPart,
    PayAnswer,
    PayInput,
    Payment,
    Purchase,
)
from controltower.canonical.records.commerce import ChangeOrder, Contract, Opportunity
from controltower.canonical.records.delivery import (
    Assignment,
    BillableFact,
    Expense,
    Milestone,
    Project,
    RetainerMonth,
    TimeEntry,
    WorkLeftOut,
)
from controltower.canonical.records.parties import Absence, Customer, Resource, ResourceStatus

__all__ = [
    "Absence",
    "Assignment",
    "BillableFact",
    "ChangeOrder",
    "Contract",
    "Customer",
    "DeliveredMonth",
    "Expense",
    "Fact",
    "Invoice",
    "InvoiceLine",
    "LabourCost",
    "LabourPart",
    "Milestone",
    "Opportunity",
    "PayAnswer",
    "PayInput",
    "Payment",
    "Project",
    "Purchase",
    "Record",
    "Resource",
    "ResourceStatus",
    "RetainerMonth",
    "TimeEntry",
    "WorkLeftOut",
]
