"""Retainers: a fee for each month, and the work that it covers.

A contract may have a fee billed each month for so many hours, or for work worth the fee. Work
inside of that is covered: it stands on no invoice. Work above it is billed at the contract's rates,
or held until a change order agrees to it, as the contract says. What a month leaves over expires,
or covers work of later months, but never that of earlier ones.

What is covered is counted from the tower's own books while the contract is locked: all work is
either covered or billed or held, to the cent, and none of it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from controltower.canonical.money import EXACT, Money
from controltower.canonical.verdicts import Kind
from controltower.processes import invoice_lines
from controltower.processes.definition import Facts, Refuse

COVERED = "Covered by retainer"
ABOVE = "Above the retainer, not billed"
"""What the PSA is told in place of a credit note's number where nothing was billed."""
TERMS = "retainer"
"""The field that is named by a refusal for want of clear terms."""
ADVANCE, ARREARS = "advance", "arrears"
BILL, HOLD = "bill", "hold"
EXPIRE, CARRY_OVER = "expire", "carry over"
_SAID = (
    ("retainer_billed", {ADVANCE, ARREARS}, "whether it is billed in advance or in arrears"),
    ("retainer_above", {BILL, HOLD}, "whether work above it is billed or held"),
    ("retainer_unused", {EXPIRE, CARRY_OVER}, "whether what is left of a month expires"),
)
MOST_MONTHS_BACK = 12
"""A contract that begins longer before it was signed is a slip of the pen."""
_FINEST = Decimal("0.0001")


def fault_of(contract: Mapping[str, Any]) -> str:
    """Why nothing can be billed by a contract's retainer, or "" when its terms are clear."""
    name = contract["number"] or contract["name"]
    missing = [words for field, known, words in _SAID if contract[field] not in known]
    if missing:
        return f"Contract “{name}” has a retainer, but does not say {', nor '.join(missing)}."
    first, last, signed = (_month(contract[day]) for day in ("starts_on", "ends_on", "signed_on"))
    if not (first or signed):
        return f"Contract “{name}” has a retainer, but does not say when it begins."
    if first and last and last < first:
        return f"Contract “{name}” has a retainer, but ends in {last}, before it begins."
    if first and signed and len(months(first, signed)) > MOST_MONTHS_BACK + 1:
        return f"Contract “{name}” has a retainer from {first}, long before it was signed."
    return ""


def first_month(contract: Mapping[str, Any]) -> str:
    """The month ("2026-11") from which a contract's retainer counts."""
    return _month(contract["starts_on"]) or _month(contract["signed_on"])


def months_due(contract: Mapping[str, Any], today: date) -> list[str]:
    """The months whose fee is to be billed by a day, oldest first: each from its first day on in
    advance, once it is over in arrears. With terms that are not clear the present month alone
    stands for that."""
    present = f"{today:%Y-%m}"
    if fault_of(contract):
        return [present]
    due = months(first_month(contract), min(present, _month(contract["ends_on"]) or present))
    return due if contract["retainer_billed"] == ADVANCE else [one for one in due if one < present]


def months(first: str, last: str) -> list[str]:
    """All months from one to another, both included; none when the last is before the first."""
    found, (year, month) = list[str](), map(int, first.split("-"))
    while (one := f"{year:04d}-{month:02d}") <= last:
        found.append(one)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


@dataclass(frozen=True, slots=True)
class Terms:
    """What covers work: so much in each month (`each`, hours or money in major units) from `first`
    to `last`, "" for no end. What is left over `carries` into later months, or expires."""

    each: Decimal
    first: str
    last: str = ""
    carries: bool = False

    def room(self, used: Mapping[str, Decimal], month: str) -> Decimal:
        """What of a month's work can still be covered, when so much is `used` by month. Of what
        is carried over nothing is given out twice: what a later month has taken is gone."""
        if month < self.first or (self.last and month > self.last):
            return Decimal(0)
        if not self.carries:
            return max(self.each - used.get(month, Decimal(0)), Decimal(0))
        granted, free = Decimal(0), list[Decimal]()
        for one in months(self.first, max(month, *used, month)):
            granted += self.each if not self.last or one <= self.last else 0
            granted -= used.get(one, Decimal(0))
            free += [granted] if one >= month else []
        return max(min(free), Decimal(0))


def terms_of(contract: Mapping[str, Any]) -> Terms:
    """A contract's terms, which are clear."""
    hours = Decimal(str(contract["retainer_hours"]))
    return Terms(
        each=hours or Decimal(str(contract["retainer"])),
        first=first_month(contract),
        last=_month(contract["ends_on"]),
        carries=contract["retainer_unused"] == CARRY_OVER,
    )


@dataclass(frozen=True, slots=True)
class Part:
    """What of a piece of work is covered: hours or money, and what it would have been billed at.
    `whole` is what all of the piece would have been billed at. Less than zero: given back."""

    project: str
    item: str
    month: str
    quantity: Decimal
    amount: Money
    whole: Money

    def told(self) -> dict[str, str]:
        """As a step keeps it."""
        return {
            "project": self.project,
            "item": self.item,
            "month": self.month,
            "quantity": str(self.quantity),
            "amount": str(self.amount.amount),
            "whole": str(self.whole.amount),
        }


def covered(facts: Facts) -> list[Part] | Refuse:
    """What of the gathered work retainers cover, oldest work first; a refusal where the terms of
    one are not clear. Only time is covered."""
    found, used = list[Part](), dict[str, dict[str, Decimal]]()
    contracts: Mapping[str, Any] = facts.books.get("contracts", {})
    for item in sorted(facts.items, key=lambda one: (str(one["on"]), str(one["source_id"]))):
        project = str(item["project"]["source_id"])
        retainer = contracts.get(project, {}).get("retainer")
        if not retainer or invoice_lines.kind_of(item) != "timecard":
            continue
        if refusal := _unclear(retainer, item):
            return refusal
        taken = used.setdefault(project, _numbers(retainer["used"]))
        part = _part_of(item, terms_of(retainer["terms"]), taken, retainer["terms"])
        if part.quantity:
            taken[part.month] = taken.get(part.month, Decimal(0)) + part.quantity
            found.append(part)
    return found


def more_used(used: Mapping[str, Any], parts: Iterable[Part]) -> dict[str, str]:
    """What is used of a retainer by month, once it covers these parts as well."""
    found = _numbers(used)
    for part in parts:
        found[part.month] = found.get(part.month, Decimal(0)) + part.quantity
    return {month: str(quantity) for month, quantity in found.items()}


def _part_of(
    item: Mapping[str, Any], terms: Terms, used: Mapping[str, Decimal], contract: Mapping[str, Any]
) -> Part:
    currency, month = str(item["currency"]), str(item["on"])[:7]
    whole = Money.of(str(item["amount"]), currency)
    by_hours = bool(Decimal(str(contract["retainer_hours"])))
    asked = Decimal(str(item["hours"])) if by_hours else whole.amount
    quantity = min(asked, terms.room(used, month))
    amount = whole.split([quantity, asked - quantity])[0]
    project, ref = str(item["project"]["source_id"]), str(item["source_id"])
    return Part(project, ref, month, quantity, amount, whole)


def _unclear(retainer: Mapping[str, Any], item: Mapping[str, Any]) -> Refuse | None:
    contract, currency = retainer["terms"], item["currency"]
    if fault := fault_of(contract):
        return Refuse(Kind.VALIDATION, f"{fault} {REMEDY}", TERMS)
    if contract["currency"] != currency:
        text = (
            f"Contract “{contract['number'] or contract['name']}” has its retainer in "
            f"{contract['currency']}, but its work is in {currency}. Have one of them corrected."
        )
        return Refuse(Kind.VALIDATION, text, "currency")
    return None


REMEDY = (
    "Nothing is billed under it. Settle it by hand as it was agreed, and write this off with a "
    "reason; have the terms filled in where contracts are signed."
)


def unclear_fee(facts: Facts) -> Refuse | None:
    """Why a month's fee cannot be billed, or None."""
    item = facts.items[0]
    contract = facts.books.get("contracts", {}).get(str(item["project"]["source_id"]), {})
    fault = fault_of(contract["retainer"]["terms"]) if contract.get("retainer") else ""
    return Refuse(Kind.VALIDATION, f"{fault} {REMEDY}", TERMS) if fault else None


def total(parts: Iterable[Part], currency: str) -> Money:
    """What covered work would have been billed at."""
    return sum((part.amount for part in parts), Money(currency, 0))


def label(parts: Sequence[Mapping[str, Any]]) -> str:
    """What the PSA is told in place of an invoice's number: "Covered by retainer 2026-11"."""
    return f"{COVERED} {', '.join(sorted({str(part['month']) for part in parts}))}"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What becomes of work that is taken back: so much of it was never billed and is taken off
    what is `held` above the retainer, so much is credited, and so much given back to the retainer
    that had covered it."""

    held: Money
    credited: Money
    given_back: Part | None


def taken_back(facts: Facts) -> TakenBack | Refuse:
    """What was not covered of a piece of work is taken back first, from what its contract holds
    before anything is credited: what waits was never billed. What was covered is given back then. A
    refusal where more is taken back than there was."""
    item, known = facts.subject, facts.books.get("covered", {})
    asked = Money(str(item["currency"]), 0) - invoice_lines.total([item])
    currency = asked.currency
    holds = Money.of(str(facts.books.get("held", 0)), currency)
    if not known:
        held = min(asked, holds)
        return TakenBack(held, asked - held, None)
    whole, amount, taken, back = (
        Money.of(str(known[name]), currency) for name in ("whole", "amount", "taken", "back")
    )
    above = max(min(asked, whole - amount - taken), Money(currency, 0))
    rest, left = asked - above, amount - back
    if rest > left:
        text = (
            f"{item['number']} takes back {asked.amount} {currency} of work of which only "
            f"{(left + above).amount} is left."
        )
        return Refuse(Kind.VALIDATION, text, "amount")
    kept = Decimal(str(known["quantity"])) - Decimal(str(known["given"]))
    quantity = kept if rest == left else _of(kept, rest, left)
    nothing = Money(currency, 0)
    part = Part(
        str(known["project"]), str(item["corrects"]), str(known["month"]),
        -quantity, nothing - rest, nothing - asked,
    )  # fmt: skip
    held = min(above, holds)
    return TakenBack(held, above - held, part)


def _of(kept: Decimal, rest: Money, left: Money) -> Decimal:
    share = EXACT.divide(EXACT.multiply(kept, Decimal(rest.minor)), Decimal(left.minor))
    return share.quantize(_FINEST, ROUND_HALF_UP, EXACT)


def _numbers(said: Mapping[str, Any]) -> dict[str, Decimal]:
    return {month: Decimal(str(number)) for month, number in said.items()}


def _month(day: Any) -> str:
    return str(day)[:7] if day else ""
