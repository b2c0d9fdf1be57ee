"""The check of gathered work: whether an invoice may rest on it, how much is billed, and when."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from controltower.processes import (
    approved_work,
    between_companies,
    capped_work,
    gathered,
    invoice_lines,
    retained_work,
)
from controltower.processes.definition import Facts, Hold, Learn, Prepared, Refuse

BILL_IN_NEXT_PERIOD = "next_period"
"""The owner's decision that lets work of a closed period be billed in the open one."""


def check(facts: Facts) -> Prepared:
    """Refuse what no invoice may rest on; hold what a closed period forbids. Work of several
    projects is judged project by project: what one of them holds up does not hold up the others."""
    parts = gathered.by_project(facts)
    unsound = {project: found for project, part in parts.items() if (found := _unsound(part))}
    if unsound:
        return gathered.without(unsound, parts, facts)
    entity = facts.entity
    assert entity is not None
    months = sorted({str(item["on"])[:7] for item in facts.items})
    closed = [month for month in months if month in entity.closed_periods]
    if closed and facts.decisions.get("period") != BILL_IN_NEXT_PERIOD:
        return Hold(
            "period_closed",
            f"The work is of {', '.join(closed)}, which {entity.name} has closed. "
            "Reopen the period, or bill it in the open one.",
        )
    judged = capped_work.of_each(parts)
    if refused := {name: found for name, found in judged.items() if isinstance(found, Refuse)}:
        return gathered.without(refused, parts, facts)
    billed = [one for one in judged.values() if isinstance(one, capped_work.Billed)]
    return _learned(months, capped_work.Billed.together(billed), facts)


def _unsound(part: Facts) -> Refuse | None:
    found = (approved_work.refusal_of(item, part) for item in part.items)
    return next((refusal for refusal in found if refusal), None)


def _learned(months: list[str], billed: capped_work.Billed, facts: Facts) -> Learn:
    """What is above a cap stays of worth here until the invoice is out, and it is told of by
    itself (`transactions/left_out.py`)."""
    above = billed.above
    covered = retained_work.total(billed.covered, above.currency)
    said = (
        (covered, "covered by the retainer: it is not billed again."),
        (above, "above what the contract lets be billed is left out."),
        (billed.withdrawn, "taken back while it was held: nobody owes it."),
    )
    text = " ".join(f"{one.amount:,} {one.currency} {words}" for one, words in said if one.minor)
    worth = sum((Decimal(str(item["amount"])) for item in facts.items), Decimal(0))
    owed = worth - covered.amount - billed.withdrawn.amount
    assert facts.entity is not None
    company = facts.entity.code
    lent = between_companies.lent(facts.items, company)
    text = " ".join(filter(None, (text, between_companies.told(lent, company))))
    values = {"months": months, **billed.told(), **between_companies.kept(lent)}
    return Learn(values, text, worth=owed)


def invoice_date(facts: Facts) -> date:
    """The entity's own today; by the owner's decision, the first day of the next open period."""
    assert facts.entity is not None
    today = facts.entity.today(facts.now)
    if facts.decisions.get("period") == BILL_IN_NEXT_PERIOD:
        return facts.entity.first_open_day(today)
    return today


def in_the_psa(facts: Facts) -> list[dict[str, str]]:
    """The gathered work, as the PSA knows it; what an invoice had left out was told with that."""
    return [
        {"kind": kind, "ref": item["source_id"]}
        for item in facts.items
        if (kind := invoice_lines.kind_of(item)) not in invoice_lines.OURS
    ]
