"""Approved work: to which invoice it belongs, how long it is gathered, what makes it unsound."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from controltower.canonical.money import UnknownCurrency, minor_units
from controltower.canonical.records import (
    BillableFact,
    Project,
    RetainerMonth,
    TimeEntry,
    WorkLeftOut,
)
from controltower.canonical.verdicts import Kind
from controltower.processes.definition import Entity, Facts, Refuse, misdated

ORDER, CONTRACT, MONTH = "PO", "Contract", "Month"
"""How a deal has its work gathered into invoices; else project by project."""


def title_of(fact: BillableFact) -> str:
    """What people call the invoice that a fact begins."""
    if fact.project is None:
        return f"Work {fact.number}"
    if isinstance(fact, RetainerMonth):
        return f"Retainer {fact.retainer_month} of {fact.project.name}"
    if isinstance(fact, WorkLeftOut):
        return f"Work above the cap of {fact.project.name}"
    if is_by_contract(fact.project):
        return f"Invoice for the contract of {fact.project.name}"
    return f"Invoice for {fact.project.name}"


def is_by_contract(project: Project) -> bool:
    """Whether its work is billed with that of its contract's other projects: they share the
    contract by its chain, which a project that did not come from a deal is not of."""
    return project.billing_grouping == CONTRACT and bool(project.correlation_id)


def group_of(fact: BillableFact) -> str:
    """Which invoice a fact belongs to, by the contract's grouping rule, currency and month."""
    project = fact.project
    assert project is not None
    whom = f"{project.entity}:{project.customer_id}:{fact.currency}"
    if project.billing_grouping == ORDER and project.po_number:
        return f"{whom}:po:{project.po_number}:{fact.on:%Y-%m}"
    if is_by_contract(project):
        return f"{whom}:contract:{project.correlation_id}:{fact.on:%Y-%m}"
    return f"{whom}:project:{fact.project_id}:{fact.on:%Y-%m}"


def gathers_until(fact: BillableFact, entity: Entity, now: datetime) -> datetime:
    """The billing run: month end where a month or a contract is one invoice, else the entity's
    gathering window."""
    project = fact.project
    assert project is not None and fact.on is not None
    if project.billing_grouping != MONTH and not is_by_contract(project):
        return now + entity.gather_for
    following = (fact.on.replace(day=1) + timedelta(days=32)).replace(day=1)
    return max(
        datetime.combine(following, time(), tzinfo=ZoneInfo(entity.zone)), now + entity.gather_for
    )


def fault_of(fact: BillableFact) -> str:
    """Why this fact can never be on an invoice, or "" when it is sound."""
    if isinstance(fact, TimeEntry) and fact.hours <= 0:
        return f"Timecard {fact.number} has {fact.hours} hours: only positive time can be billed."
    if fact.amount <= 0:
        return f"{fact.number} has the amount {fact.amount}: only positive amounts can be billed."
    return misdated(fact.number, fact.on)


def refusal_of(item: Mapping[str, Any], facts: Facts) -> Refuse | None:
    """Why no invoice may rest on this item, or None."""
    return _without_contract(item, facts) or _wrong_currency(item) or _unsound(item)


def refusal_of_correction(item: Mapping[str, Any], facts: Facts) -> Refuse | None:
    """Why no credit may rest on this item, or None."""
    if refusal := _without_contract(item, facts) or _wrong_currency(item):
        return refusal
    if Decimal(str(item["amount"])) >= 0:
        text = f"{item['number']} corrects billed work by {item['amount']}: only less is credited."
        return Refuse(Kind.VALIDATION, text, "amount")
    return undated(item)


def _without_contract(item: Mapping[str, Any], facts: Facts) -> Refuse | None:
    number, project = item["number"], item.get("project")
    if not project:
        return Refuse(
            Kind.REFERENCE_MISSING,
            f"{number} is booked on project “{item.get('project_id')}”, which the PSA does not "
            "have or the tower never saw.",
            "project",
        )
    if facts.entity is None:
        return Refuse(
            Kind.VALIDATION,
            f"The project of {number} names no legal entity of the firm.",
            "entity",
        )
    if not project.get("correlation_id"):
        return Refuse(
            Kind.REFERENCE_MISSING,
            f"The project of {number} did not come from a deal, so there is no contract to bill.",
            "project",
        )
    return None


def _wrong_currency(item: Mapping[str, Any]) -> Refuse | None:
    number, currency = item["number"], item["currency"]
    agreed = item["project"].get("currency")
    try:
        minor_units(str(currency))
    except UnknownCurrency:
        text = f"{number} is in “{currency}”, which is no currency the firm trades in."
        return Refuse(Kind.VALIDATION, text, "currency")
    if currency != agreed:
        text = f"{number} is in {currency}, but its contract is in {agreed}."
        return Refuse(Kind.VALIDATION, text, "currency")
    return None


def _unsound(item: Mapping[str, Any]) -> Refuse | None:
    number = item["number"]
    for name, label in (("hours", "hours"), ("amount", "the amount")):
        if name in item and Decimal(str(item[name])) <= 0:
            text = f"{number} has {label} {item[name]}: only positive work can be billed."
            return Refuse(Kind.VALIDATION, text, name)
    return undated(item)


def undated(item: Mapping[str, Any]) -> Refuse | None:
    """A fact without a date has no accounting period, neither for an invoice nor for a cost; nor
    has one that is dated in another age."""
    on = date.fromisoformat(str(item["on"])) if item.get("on") else None
    text = misdated(str(item["number"]), on)
    return Refuse(Kind.VALIDATION, text, "on") if text else None
