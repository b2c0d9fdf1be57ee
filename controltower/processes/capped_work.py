"""Capped time and materials: no more is billed under a contract than its cap.

What the cap has room for is counted from the tower's own books: what was billed before, invoices
under way included, less what was credited. Work beyond it is left out of the invoice and waits by
itself (`transactions/left_out.py`) until a change order raises the cap, or its owner writes it off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money
from controltower.canonical.verdicts import Kind
from controltower.processes import invoice_lines
from controltower.processes.definition import Facts, Refuse

CAP = "cap"
"""The field that is named by a refusal for want of room."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What of the gathered work is billed, by project, and what is left out."""

    by_project: Mapping[str, Money]
    left_out: Money

    def told(self) -> dict[str, Any]:
        """As a step learns it."""
        by_project = {project: str(part.amount) for project, part in self.by_project.items()}
        found: dict[str, Any] = {"billed": by_project}
        return found | ({"left_out": str(self.left_out.amount)} if self.left_out.minor else {})


def within_cap(facts: Facts) -> Billed | Refuse:
    """What the caps of the contracts have room for; a refusal where they have none at all."""
    contracts: Mapping[str, Any] = facts.books.get("contracts", {})
    whole = invoice_lines.total(facts.items)
    billed: dict[str, Money] = {}
    for project, part in _by_project(facts).items():
        contract = contracts.get(project)
        if contract and contract["currency"] != part.currency:
            return _other_currency(contract, part)
        billed[project] = min(part, room(contract)) if contract else part
    most = sum(billed.values(), Money(whole.currency, 0))
    if not most.minor:
        return _no_room(next(contracts[project] for project in billed), whole, facts)
    return Billed(billed, whole - most)


def room(contract: Mapping[str, Any]) -> Money:
    """What may still be billed under a contract; zero where more was billed than its cap."""
    currency = contract["currency"]
    left = Money.of(contract["cap"], currency) - Money.of(contract["billed"], currency)
    return max(left, Money(currency, 0))


def worth(facts: Facts) -> Money:
    """What the invoice comes to without tax: the gathered work, less what is left out of it."""
    return invoice_lines.total(facts.items) - left_out(facts)


def left_out(facts: Facts) -> Money:
    """What the check of the gathered work has found no room for."""
    left = facts.result("check").values.get("left_out", 0)
    return Money.of(str(left), str(facts.items[0]["currency"]))


def _by_project(facts: Facts) -> dict[str, Money]:
    found: dict[str, Money] = {}
    for item in facts.items:
        project, part = str(item["project"]["source_id"]), invoice_lines.total([item])
        found[project] = found[project] + part if project in found else part
    return found


def _no_room(contract: Mapping[str, Any], whole: Money, facts: Facts) -> Refuse:
    project, currency = facts.items[0]["project"]["name"], whole.currency
    text = (
        f"{whole.amount:,} {currency} of approved work on “{project}” is above the cap of its "
        f"contract: {Decimal(contract['cap']):,} {currency} may be billed, and "
        f"{Decimal(contract['billed']):,} {currency} are. Agree on a change order that raises the "
        "cap: the rest is billed then by itself. Or write the work off with a reason: it becomes "
        "cost."
    )
    return Refuse(Kind.VALIDATION, text, CAP)


def _other_currency(contract: Mapping[str, Any], part: Money) -> Refuse:
    text = (
        f"Contract “{contract['number']}” has its cap in {contract['currency']}, but its work is "
        f"in {part.currency}. Have one of them corrected."
    )
    return Refuse(Kind.VALIDATION, text, "currency")
