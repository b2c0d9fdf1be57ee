"""Withdrawn work: its approval is taken back once its invoice is begun.

It may be a mistake, and the work be approved again; or nobody owes it, and the controller decides
that it is credited. Until then it is at stake with all of its worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.processes import approved_work
from controltower.processes.definition import Facts, Learn, Prepared, Refuse

CREDIT_DUE = "credit due"
APPROVAL = "approval"
"""What is decided about, and the field of the refusal that asks for it."""
CARRIED = "carried"
"""Under which the tower's books say what was billed, whatever the work shows by now."""
CREDIT = "credit"
"""The decision that it is credited."""


def is_taken_back(item: Mapping[str, Any]) -> bool:
    """Whether the fact is the billed work itself, and not a correction of it."""
    return not item["corrects"]


def check(item: Mapping[str, Any], facts: Facts) -> Prepared:
    """A credit note is written only once somebody has said that the work is not owed."""
    billed = Decimal(str(facts.books.get(CARRIED, item["amount"])))
    told = {name: value for name, value in item.items() if name != "hours"}
    if refusal := approved_work.refusal_of({**told, "amount": str(billed)}, facts):
        return refusal
    if facts.decisions.get(APPROVAL) == CREDIT:
        return Learn({"takes_back": str(-billed)}, worth=-billed)
    text = (
        "An approval was taken back after its invoice had been begun: that of "
        f"{item['number']}, {billed:,} {item['currency']}. If that was a "
        "mistake, approve it again in the PSA, and this ends by itself. If it is not owed, decide "
        "that it is credited."
    )
    return Refuse(Kind.CONFLICT, text, APPROVAL, -billed, CREDIT_DUE)


def not_posted(item: Mapping[str, Any]) -> str:
    """Why there is nothing to credit yet, in words."""
    return (
        f"The approval of {item['number']} is taken back, but the PSA shows no invoice of it yet. "
        "Call off what bills it, or replay this once the invoice is posted."
    )
