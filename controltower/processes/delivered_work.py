"""Delivered work: what of a fixed price is earned by it, and whether the ledger agrees.

What is earned by the end of a month is rounded once, and a month's share is the difference of two
such sums: so the shares of all months come to the contract's value to the cent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.canonical.verdicts import Kind
from controltower.processes.definition import ACCOUNTED, Facts, Refuse

MILESTONES, HOURS, COST = "milestones", "hours", "cost"
METHODS = {
    MILESTONES: "milestones reached",
    HOURS: "hours worked of the hours planned",
    COST: "cost incurred of the cost planned",
}
"""How revenue is recognised, in words."""
_MONTHS = frozenset(f"{number:02d}" for number in range(1, 13))


def earned(value: Money, method: str, done: Decimal, budget: Decimal) -> Money:
    """What is earned of a contract once so much is done: the worth of the milestones reached, or
    as much of the value as is done of the budget, rounded half up; never more than the value.

    Raises ValueError for a share of no budget.
    """
    if method == MILESTONES:
        return min(Money.of(done, value.currency), value)
    if budget <= 0:
        raise ValueError("there is no budget of which a part could be done")
    share = min(Fraction(done) / Fraction(budget), Fraction(1))
    doubled = 2 * value.minor * share
    return Money(value.currency, int((doubled + 1) // 2))


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a month and all months before it have earned, in minor units of one currency."""

    month: Money
    before: Money

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Delivered:
        """Read a DeliveredMonth as JSON values. Raises UnknownCurrency, NotAnAmount, ValueError."""
        until, before = (_earned_of(record, suffix) for suffix in ("", "_before"))
        return cls(until - before, before)


def _earned_of(record: Mapping[str, Any], suffix: str) -> Money:
    value, budget, done = (
        Decimal(str(record.get(name + suffix) or 0)) for name in ("value", "budget", "done")
    )
    currency, method = str(record["currency"]), str(record["method"])
    if method != MILESTONES and not done:
        return Money(currency, 0)
    return earned(Money.of(value, currency), method, done, budget)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the books show as recognised for a month, and for all months before it."""

    month: Money
    before: Money

    @classmethod
    def of(cls, months: Sequence[Mapping[str, Any]], period: str, currency: str) -> Ledger:
        """Read what an ERP shows of a project's months."""
        nothing = Money(currency, 0)
        shown = {str(one["period"]): Money.of(str(one["amount"]), currency) for one in months}
        before = (worth for month, worth in shown.items() if month < period)
        return cls(shown.get(period, nothing), sum(before, nothing))


def mismatch(delivered: Delivered, ledger: Ledger, tolerance: Money) -> str:
    """How the books contradict what was delivered, beyond the tolerance; "" when an entry over the
    difference is all that is missing.

    "wrong_period": what this month has earned was booked for an earlier one, or the other way
    round. "not_delivered": more was recognised for the month than was delivered in it. Revenue that
    a changed estimate takes back was delivered once: it is no contradiction.
    """
    nothing = Money(tolerance.currency, 0)
    missing = delivered.month - ledger.month
    excess = ledger.month - max(delivered.month, nothing)
    missing_before = delivered.before - ledger.before
    excess_before = ledger.before - delivered.before
    if missing > tolerance and excess_before > tolerance:
        return "wrong_period"
    if excess > tolerance:
        return "wrong_period" if missing_before > tolerance else "not_delivered"
    return ""


def is_period(text: str) -> bool:
    """Whether the firm's books have such a month, "2026-11"."""
    year, _, number = text.partition("-")
    return year.isdecimal() and int(year) in ACCOUNTED and number in _MONTHS


def name_of(month: Mapping[str, Any]) -> str:
    """The project, as people know it."""
    return str((month.get("project") or month)["name"])


def refusal_of(month: Mapping[str, Any], facts: Facts) -> Refuse | None:
    """Why no entry may rest on what was measured, or None."""
    return (
        _without_contract(month, facts)
        or _unmeasured(month)
        or _too_much(month)
        or _out_of_books(month, facts)
    )


def _without_contract(month: Mapping[str, Any], facts: Facts) -> Refuse | None:
    name, project = month["name"], month.get("project")
    if not project:
        text = f"{name} is of project “{month.get('project_id')}”, which the PSA does not have."
        return Refuse(Kind.REFERENCE_MISSING, text, "project")
    if facts.entity is None:
        text = f"The project of {name} names no legal entity of the firm."
        return Refuse(Kind.VALIDATION, text, "entity")
    if not project.get("correlation_id"):
        text = (
            f"The project of {name} did not come from a deal, so there is no contract by which "
            "revenue could be earned."
        )
        return Refuse(Kind.REFERENCE_MISSING, text, "project")
    return None


def _unmeasured(month: Mapping[str, Any]) -> Refuse | None:
    name, method = name_of(month), month["method"]
    if not is_period(str(month["period"])):
        text = f"“{month['period']}” is no accounting period of the firm."
        return Refuse(Kind.VALIDATION, text, "period")
    if method not in METHODS:
        text = f"The PSA does not say how revenue of {name} is earned (“{method}”)."
        return Refuse(Kind.VALIDATION, text, "method")
    planned = Decimal(str(month["budget"])) > 0 and (
        Decimal(str(month["budget_before"])) > 0 or not Decimal(str(month["done_before"]))
    )
    if method != MILESTONES and not planned:
        text = (
            f"Revenue of {name} is earned by {METHODS[method]}, but nothing is planned. Enter the "
            "estimate on the project in the PSA."
        )
        return Refuse(Kind.VALIDATION, text, "budget")
    try:
        Delivered.of(month)
    except UnknownCurrency:
        text = f"{name} is in “{month['currency']}”, which is no currency the firm trades in."
        return Refuse(Kind.VALIDATION, text, "currency")
    except NotAnAmount as error:
        return Refuse(Kind.VALIDATION, f"“{error}” of {name} is not an amount.", "done")
    return None


def _too_much(month: Mapping[str, Any]) -> Refuse | None:
    done, value = (Decimal(str(month[name])) for name in ("done", "value"))
    if done < 0 or value < 0:
        text = f"{name_of(month)} shows less than nothing ({done} of {value})."
        return Refuse(Kind.VALIDATION, text, "done")
    if month["method"] == MILESTONES and done > value:
        text = (
            f"Milestones of {done} {month['currency']} are reached in {name_of(month)}, but its "
            f"contract is worth {value}. Correct the milestones, or have a change order approved."
        )
        return Refuse(Kind.VALIDATION, text, "done")
    return None


def _out_of_books(month: Mapping[str, Any], facts: Facts) -> Refuse | None:
    entity = facts.entity
    assert entity is not None
    if month["currency"] != entity.currency:
        text = (
            f"{name_of(month)} is sold in {month['currency']}, but {entity.code} keeps its books "
            f"in {entity.currency}: recognise it by hand, then settle this."
        )
        return Refuse(Kind.VALIDATION, text, "currency")
    if month["period"] > f"{entity.today(facts.now):%Y-%m}":
        text = f"{name_of(month)} is delivered in {month['period']}, which has not begun."
        return Refuse(Kind.VALIDATION, text, "period")
    return None
