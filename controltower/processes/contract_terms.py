"""Terms of a contract that cannot be read: nothing is billed by them until they are corrected.

A cap that is filled in as "about 50k" is not "no cap", and a retainer whose end cannot be read does
not go on for ever. Such a term is never taken as not there: what it decides waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.processes import invoice_lines
from controltower.processes.definition import Facts, Refuse

UNREAD = "terms"
"""The field that is named by a refusal for want of terms that can be read."""
_AMOUNTS = {
    "cap": "its cap",
    "retainer": "the fee of a month",
    "retainer_hours": "the hours of a month",
}
_DAYS = {"starts_on": "its first day", "ends_on": "its last day"}
"""They decide which months of a retainer are billed, and nothing else about billing."""


def unread(contract: Mapping[str, Any]) -> list[str]:
    """What decides over billing and cannot be read, in words; empty when all of it can."""
    names = contract.get("unread") or ()
    retained = "retainer" in names or Decimal(contract.get("retainer") or 0)
    decides = {**_AMOUNTS, **_DAYS} if retained else _AMOUNTS
    return [words for name, words in decides.items() if name in names]


def refusal(facts: Facts) -> Refuse | None:
    """Why nothing of the gathered work can be billed, or None."""
    _project, contract = contract_of(facts)
    if not (words := contract.get(UNREAD)):
        return None
    whole = invoice_lines.total(facts.items)
    text = (
        f"The signed contract “{contract['number']}” says something about {' and '.join(words)} "
        "that cannot be read as a number or a day, so that nobody knows how much may be billed; "
        f"{whole.amount:,} {whole.currency} are waiting. Have it corrected where contracts are "
        "signed and told again, or signed anew: all of this goes on by itself then."
    )
    return Refuse(Kind.VALIDATION, text, UNREAD)


def contract_of(facts: Facts) -> tuple[str, Mapping[str, Any]]:
    """The project of work that is all of one, and the contract that says how much of it is billed;
    nothing where none does."""
    project = str(facts.items[0]["project"]["source_id"])
    contracts: Mapping[str, Any] = facts.books.get("contracts", {})
    return project, contracts.get(project, {})
