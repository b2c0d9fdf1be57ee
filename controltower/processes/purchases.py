"""A purchase as a cost: what makes it unsound, and how it looks on the supplier's invoice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.money import UnknownCurrency, minor_units
from controltower.canonical.verdicts import Kind
from controltower.processes.definition import Entity, Facts, Learn, Prepared, Refuse, misdated

CLOSED = frozenset({"Completed", "Cancelled"})
_COMMON = {
    "project_id": "projects",
    "account_code": "accounts",
    "entity": "companies",
    "tax_code": "tax codes",
}


BOOKED_BY = (
    "approved", "currency", "entity", "project_id", "account_code", "tax_code", "supplier_number",
    "on",
)  # fmt: skip
"""What of a purchase its booking rests on, besides its amounts."""
UNPAID = "unpaid cost"


def changed_since(facts: Facts) -> Prepared | None:
    """What is to be done about a purchase that has changed since it was booked, or is voided; None
    when it is to be booked."""
    bought, before = facts.items[0], facts.books.get("booked")
    is_owed = bought.get("approved", True)
    if before is None:
        return None if is_owed else Learn({}, "It was never booked.", worth=Decimal(0))
    amount, was = Decimal(str(bought["amount"])), Decimal(str(before["amount"]))
    worth = (abs(amount - was) or amount) if is_owed else was
    text = (
        f"{_otherwise(bought, before)} Put the supplier's invoice in the ERP and the cost in the"
        " PSA right by hand, then settle this. Nothing is booked twice."
    )
    return Refuse(Kind.CONFLICT, text, "booked", worth, UNPAID)


def _otherwise(bought: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """How a purchase differs from what was booked of it, in words."""
    number, booked, currency = bought["number"], before["number"], bought["currency"]
    amount, was = Decimal(str(bought["amount"])), Decimal(str(before["amount"]))
    if not bought.get("approved", True):
        return f"{number} is booked as {booked} over {was:,} {currency}, but was voided since."
    if amount == was:
        return f"{number} is booked as {booked}, but the spend system codes it otherwise since."
    return (
        f"{number} is booked as {booked} over {was:,} {currency}, but the spend system shows"
        f" {amount:,} {currency} since."
    )


def several_of(bought: Mapping[str, Any]) -> Refuse | None:
    """All lines of a purchase agree on project, account, company and tax, or it is refused."""
    for name, several in _COMMON.items():
        if ", " in str(bought.get(name) or ""):
            text = (
                f"{bought['number']} names several {several}: {bought[name]}. "
                "Split it in the spend system, one purchase for each."
            )
            return Refuse(Kind.VALIDATION, text, name)
    return None


def fault_of(facts: Facts) -> Refuse | None:
    """Why no cost may rest on this purchase, or None; the project has been read."""
    bought, project = facts.items[0], facts.result("project").values
    return (
        several_of(bought)
        or _homeless(bought, project, facts.entity)
        or _unsound(bought)
        or _wrong_currency(bought, project)
    )


def _homeless(
    bought: Mapping[str, Any], project: Mapping[str, Any], entity: Entity | None
) -> Refuse | None:
    number, name = bought["number"], project.get("name")
    if entity is None:
        text = (
            f"{number} is coded to the company “{bought.get('entity') or ''}”, "
            "which the firm does not have."
        )
        return Refuse(Kind.REFERENCE_MISSING, text, "entity")
    if project.get("entity") != entity.code:
        text = (
            f"{number} is coded to {entity.name}, but project “{name}” belongs to "
            f"{project.get('entity') or 'no company'}. Correct the account or the project."
        )
        return Refuse(Kind.VALIDATION, text, "entity")
    if project.get("stage") in CLOSED:
        text = f"Project “{name}” is {str(project['stage']).lower()}: nothing is charged to it."
        return Refuse(Kind.VALIDATION, text, "project_id")
    return None


def _unsound(bought: Mapping[str, Any]) -> Refuse | None:
    number = bought["number"]
    if Decimal(str(bought["amount"])) <= 0:
        text = f"{number} has the amount {bought['amount']}: only positive costs can be booked."
        return Refuse(Kind.VALIDATION, text, "amount")
    if not bought.get("supplier_number"):
        text = f"{number} names no supplier, so nobody knows who is to be paid."
        return Refuse(Kind.REFERENCE_MISSING, text, "supplier")
    on = date.fromisoformat(str(bought["on"])) if bought.get("on") else None
    if text := misdated(str(number), on):
        return Refuse(Kind.VALIDATION, text, "on")
    return None


def _wrong_currency(bought: Mapping[str, Any], project: Mapping[str, Any]) -> Refuse | None:
    number, currency = bought["number"], str(bought["currency"])
    try:
        minor_units(currency)
    except UnknownCurrency:
        text = f"{number} is in “{currency}”, which is no currency the firm trades in."
        return Refuse(Kind.VALIDATION, text, "currency")
    if currency != project.get("currency"):
        text = f"{number} is in {currency}, but its project is kept in {project.get('currency')}."
        return Refuse(Kind.VALIDATION, text, "currency")
    return None


def supplier_code(bought: Mapping[str, Any]) -> str:
    """The code in every ERP company; employees who are paid back have a series of their own."""
    prefix = "E-" if bought["kind"] == "report" else ""
    return f"{prefix}{bought['supplier_number']}"


def country_of(bought: Mapping[str, Any], entity: Entity) -> str:
    """Where the supplier is; an employee is taken to be where the company is."""
    return entity.country if bought["kind"] == "report" else str(bought["supplier_country"])


def line_of(bought: Mapping[str, Any]) -> dict[str, Any]:
    """The one line of the supplier's invoice. Tax codes are mapped by company."""
    return {
        "description": f"{bought['supplier_name']}, {bought['number']}",
        "quantity": "1",
        "unit": "unit",
        "unit_price": str(bought["amount"]),
        "amount": str(bought["amount"]),
        "tax_treatment": f"{bought['entity']}/{bought['tax_code']}",
        "account_code": bought["account_code"],
        "origin": f"{bought['number']} · {bought['source_id']}",
    }
