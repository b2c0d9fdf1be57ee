"""What a won deal must say before anything is written of it, and the template it is set up by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from controltower.canonical.money import Money, NotAnAmount
from controltower.canonical.verdicts import Kind
from controltower.processes import fixed_fee, project_templates
from controltower.processes.definition import Facts, Learn, Prepared, Refuse, misdated


def check(facts: Facts) -> Prepared:
    """Everything the later steps rest on, checked before anything is written anywhere."""
    deal = facts.subject
    if not deal.get("entity"):
        return Refuse(
            Kind.VALIDATION,
            "The deal names no legal entity, so nobody knows which company sells it.",
            "entity",
        )
    if facts.entity is None:
        return Refuse(
            Kind.REFERENCE_MISSING,
            f"The deal names the legal entity {deal['entity']}, which the firm does not have.",
            "entity",
        )
    if fault := misdated("The deal", fixed_fee.start(facts)):
        return Refuse(Kind.VALIDATION, fault, "close_date")
    worth = _worth(deal, facts.books["currencies"])
    if isinstance(worth, Refuse):
        return worth
    if not deal.get("customer_id"):
        return Refuse(Kind.VALIDATION, "The deal names no client.", "customer_id")
    name = project_templates.chosen(deal, facts.books["templates"])
    if isinstance(name, Refuse):
        return name
    template = {**facts.books["templates"][name], "name": name}
    text = f"in order; its template is “{name}”."
    if template["roles"] and not facts.books["takes_requests"]:
        template["roles"] = []
        text += " Its PSA takes no staffing requests."
    return Learn({"amount": str(worth.amount), project_templates.FIELD: template}, text)


def _worth(deal: Mapping[str, Any], traded: Collection[str]) -> Money | Refuse:
    """The deal's amount, or why it is none. What follows is in the deal's currency, so that one in
    which nobody knows its worth is refused here."""
    if deal["currency"] not in traded:
        return Refuse(
            Kind.VALIDATION,
            f"The deal is in “{deal['currency']}”, which is no currency the firm trades in.",
            "currency",
        )
    try:
        amount = Money.of(str(deal["amount"]), str(deal["currency"]))
    except NotAnAmount:
        return Refuse(Kind.VALIDATION, "The deal's amount is not a number.", "amount")
    if amount.minor <= 0:
        return Refuse(Kind.VALIDATION, "The deal has no positive amount.", "amount")
    return amount
