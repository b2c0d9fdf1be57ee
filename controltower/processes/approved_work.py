"""Approved work: to which invoice it belongs, how long it is gathered, what makes it unsound."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from controltower.canonical.money import Money, UnknownCurrency
from controltower.canonical.records import BillableFact, TimeEntry
from controltower.canonical.verdicts import Kind
from controltower.processes.definition import Entity, Facts, Refuse


def group_of(fact: BillableFact) -> str:
    """Which invoice a fact belongs to, by the contract's grouping rule, currency and month."""
    project = fact.project
    assert project is not None
    whom = f"{project.entity}:{project.customer_id}:{fact.currency}"
    if project.billing_grouping == "PO" and project.po_number:
        return f"{whom}:po:{project.po_number}:{fact.on:%Y-%m}"
    return f"{whom}:project:{fact.project_id}:{fact.on:%Y-%m}"


def gathers_until(fact: BillableFact, entity: Entity, now: datetime) -> datetime:
    """The billing run: month end for monthly contracts, else the entity's gathering window."""
    project = fact.project
    assert project is not None and fact.on is not None
    if project.billing_grouping != "Month":
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
    if fact.on is None:
        return f"{fact.number} carries no date, so its accounting period is unknown."
    return ""


def refusal_of(item: Mapping[str, Any], facts: Facts) -> Refuse | None:
    """Why no invoice may rest on this item, or None."""
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
    try:
        Money.of(str(item["amount"]), str(item["currency"]))
    except UnknownCurrency:
        return Refuse(
            Kind.VALIDATION,
            f"{number} is in “{item['currency']}”, which is no currency the firm trades in.",
            "currency",
        )
    if item["currency"] != project.get("currency"):
        return Refuse(
            Kind.VALIDATION,
            f"{number} is in {item['currency']}, but its contract is in {project['currency']}.",
            "currency",
        )
    for name, label in (("hours", "hours"), ("amount", "the amount")):
        if name in item and Decimal(str(item[name])) <= 0:
            return Refuse(
                Kind.VALIDATION,
                f"{number} has {label} {item[name]}: only positive work can be billed.",
                name,
            )
    return None
