"""Capped time and materials: no more is billed under a contract than its cap.

What the cap has room for is counted from the tower's own books: what was billed before, invoices
under way included, less what was credited. Work beyond it is left out of the invoice and waits by
itself (`transactions/left_out.py`) until a change order raises the cap, or its owner writes it off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from controltower.canonical.money import Money
from controltower.canonical.verdicts import Kind
from controltower.processes import contract_terms, invoice_lines, retained_work, revenue_forecast
from controltower.processes.definition import Facts, Learn, Prepared, Refuse, Skip

CAP = "cap"
"""The field that is named by a refusal for want of room."""
BILLED_ABOVE = "billed_above"
"""The field that is named where more was billed than is agreed now."""
CHAIN = "chain"
"""What the books name the contract by that several projects share."""
_DRAWN = "drawn"
"""Whether another project's work on the same invoice has taken something of the contract."""
WITHDRAWN = "withdrawn"
LEFT_OUT_OF = "left_out_of"
"""What a check has left out, by project."""
_NOT_BILLED = (
    ("left_out", "Less work above the agreed cap"),
    ("covered_amount", "Less work covered by the retainer"),
    (WITHDRAWN, "Less work taken back"),
)
"""What a check finds, and how the invoice says that it does not bill it."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What of the gathered work is billed, and what is left out, both by project; what of it
    retainers cover, and what of it was taken back while it was held."""

    by_project: Mapping[str, Money]
    left_out: Mapping[str, Money]
    withdrawn: Money
    covered: Sequence[retained_work.Part] = ()

    @classmethod
    def together(cls, parts: Sequence[Billed]) -> Billed:
        """What was found of each project's work, as one."""
        return cls(
            {project: part for one in parts for project, part in one.by_project.items()},
            {project: part for one in parts for project, part in one.left_out.items()},
            sum((one.withdrawn for one in parts[1:]), parts[0].withdrawn),
            [part for one in parts for part in one.covered],
        )

    @property
    def above(self) -> Money:
        """All that is left out."""
        return sum(self.left_out.values(), Money(self.withdrawn.currency, 0))

    def told(self) -> dict[str, Any]:
        """As a step learns it."""
        by_project = {project: str(part.amount) for project, part in self.by_project.items()}
        found: dict[str, Any] = {"billed": by_project}
        if self.covered:
            worth = retained_work.total(self.covered, self.withdrawn.currency)
            parts = [part.told() for part in self.covered]
            found |= {"covered": parts, "covered_amount": str(worth.amount)}
        if left := {name: str(part.amount) for name, part in self.left_out.items() if part.minor}:
            found[LEFT_OUT_OF] = left
        less = {"left_out": self.above, WITHDRAWN: self.withdrawn}
        return found | {name: str(part.amount) for name, part in less.items() if part.minor}


def of_each(parts: Mapping[str, Facts]) -> dict[str, Billed | Refuse]:
    """What is billed of each project's work. That of the oldest is judged first: what it takes of
    a contract is not there for another project of the same one."""
    found = dict[str, Billed | Refuse]()
    contracts = dict[str, Any]()
    for project in sorted(parts, key=lambda one: min(_age(item) for item in parts[one].items)):
        books = parts[project].books
        contracts = contracts or dict(books.get("contracts", {}))
        part = replace(parts[project], books={**books, "contracts": contracts})
        judged = found[project] = within_cap(part)
        if isinstance(judged, Billed) and project in contracts:
            contracts |= _less(contracts, project, judged)
    return {project: found[project] for project in parts}


def _age(item: Mapping[str, Any]) -> tuple[str, str]:
    return str(item["on"]), str(item["source_id"])


def _less(contracts: Mapping[str, Any], project: str, taken: Billed) -> dict[str, Any]:
    """What a project has taken of its contract is counted for all projects that share it."""
    chain, found = contracts[project].get(CHAIN), dict[str, Any]()
    for name, contract in contracts.items():
        if contract.get(CHAIN) != chain:
            continue
        found[name] = {**contract, _DRAWN: True}
        if CAP in contract and project in taken.by_project:
            billed = Money.of(contract["billed"], contract["currency"])
            found[name]["billed"] = str((billed + taken.by_project[project]).amount)
        if retainer := contract.get("retainer"):
            used = retained_work.more_used(retainer["used"], taken.covered)
            found[name]["retainer"] = {**retainer, "used": used}
    return found


def within_cap(facts: Facts) -> Billed | Refuse:
    """What the contract of one project's work has room for, besides what its retainer covers; a
    refusal where it has none at all, or where its terms cannot be read. Where another project on
    the invoice has taken the room, all of it is left out: alone it would be judged as though that
    room were still there."""
    if refusal := contract_terms.refusal(facts):
        return refusal
    whole = invoice_lines.total(facts.items)
    nothing = Money(whole.currency, 0)
    if invoice_lines.kind_of(facts.items[0]) == invoice_lines.RETAINER:
        return retained_work.unclear_fee(facts) or Billed({}, {}, nothing)
    covered = retained_work.covered(facts)
    if isinstance(covered, Refuse):
        return covered
    project, contract = contract_terms.contract_of(facts)
    if CAP in contract and contract["currency"] != whole.currency:
        return _other_currency(contract, whole)
    part = whole - retained_work.total(covered, whole.currency)
    gone = _withdrawn(contract, part, facts)
    part -= gone
    billed = min(part, room(contract)) if CAP in contract else part
    if not (billed.minor or covered or gone.minor or contract.get(_DRAWN)):
        return _no_room(contract, whole, facts)
    return Billed({project: billed}, {project: part - billed}, gone, covered)


def _withdrawn(contract: Mapping[str, Any], part: Money, facts: Facts) -> Money:
    """What of work that was held has been taken back since: nobody owes it any more."""
    if invoice_lines.kind_of(facts.items[0]) != invoice_lines.LEFT_OUT:
        return Money(part.currency, 0)
    return min(part, Money.of(str(contract.get(WITHDRAWN, 0)), part.currency))


def room(contract: Mapping[str, Any]) -> Money:
    """What may still be billed under a contract; zero where more was billed than its cap."""
    currency = contract["currency"]
    left = Money.of(contract["cap"], currency) - Money.of(contract["billed"], currency)
    return max(left, Money(currency, 0))


def above(contract: Mapping[str, Any]) -> Money:
    """What was billed under a contract beyond its cap; zero without one."""
    currency = contract["currency"]
    cap, billed = (Money.of(contract.get(one) or 0, currency) for one in (CAP, "billed"))
    return max(billed - cap, Money(currency, 0)) if CAP in contract else Money(currency, 0)


def within_what_is_agreed(facts: Facts) -> Prepared:
    """Whether a change order, or that it was taken back, leaves no more billed than is agreed."""
    order, project = facts.subject, str(facts.subject["project_id"])
    contract = facts.books["contracts"].get(project, {})
    if CAP not in contract:
        return Skip("Its contract has no cap.")
    if not (excess := above(contract)).minor:
        return Learn(worth=revenue_forecast.added(order, facts.result("check").values))
    currency = excess.currency
    cap, billed = (Money.of(contract[one], currency).amount for one in (CAP, "billed"))
    text = (
        f"More is billed than is agreed: {billed:,} {currency} under contract "
        f"“{contract['number']}”, whose cap is {cap:,} {currency} since change order "
        f"{order['number']} was changed or taken back. {excess.amount:,} {currency} of it is "
        "to be credited, unless the client agrees to it anew: approve a change order in the PSA, "
        "or take the work back there. Either ends this by itself."
    )
    return Refuse(Kind.CONFLICT, text, BILLED_ABOVE, excess.amount, "credit due")


def worth(facts: Facts) -> Money:
    """What the invoice comes to without tax: the gathered work, less what does not stand on it."""
    return sum((less for less, _words in not_billed(facts)), invoice_lines.total(facts.items))


def not_billed(facts: Facts) -> list[tuple[Money, str]]:
    """What the check of the gathered work has found that the invoice takes off, less than zero, and
    why; nothing of what is zero."""
    values, currency = facts.result("check").values, str(facts.items[0]["currency"])
    parts = [(Money.of(str(values.get(name, 0)), currency), why) for name, why in _NOT_BILLED]
    return [(Money(currency, 0) - part, why) for part, why in parts if part.minor]


def _no_room(contract: Mapping[str, Any], whole: Money, facts: Facts) -> Refuse:
    project, currency = facts.items[0]["project"]["name"], whole.currency
    if contract.get("retainer"):
        text = (
            "Approved work is above the retainer of its contract, which holds such work until it "
            f"is agreed. On “{project}” that is {whole.amount:,} {currency}. Agree on a change "
            "order: what it adds is billed then by itself. Or write the work off with a reason: it "
            "becomes cost."
        )
        return Refuse(Kind.VALIDATION, text, CAP)
    cap, billed = (Money.of(contract[one], contract["currency"]).amount for one in (CAP, "billed"))
    text = (
        f"Approved work is above the cap of its contract. By contract “{contract['number']}” "
        f"{cap:,} {currency} may be billed, and {billed:,} {currency} are billed, all its projects "
        f"together; {whole.amount:,} {currency} on “{project}” is above that. Agree on a change "
        "order that raises the cap: the rest is billed then by itself. Or write the work off with "
        "a reason: it becomes cost."
    )
    return Refuse(Kind.VALIDATION, text, CAP)


def _other_currency(contract: Mapping[str, Any], part: Money) -> Refuse:
    text = (
        f"Contract “{contract['number']}” has its cap in {contract['currency']}, but its work is "
        f"in {part.currency}. Have one of them corrected."
    )
    return Refuse(Kind.VALIDATION, text, "currency")
