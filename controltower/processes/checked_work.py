"""The check of gathered work: whether an invoice may rest on it, how much is billed, and when."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from controltower.processes import approved_work, capped_work, invoice_lines, retained_work
from controltower.processes.definition import Facts, Hold, Learn, Prepared, Refuse

BILL_IN_NEXT_PERIOD = "next_period"
"""The owner's decision that lets work of a closed period be billed in the open one."""


def check(facts: Facts) -> Prepared:
    """Refuse what no invoice may rest on; hold what a closed period forbids."""
    for item in facts.items:
        refusal = approved_work.refusal_of(item, facts)
        if refusal:
            return refusal
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
    billed = capped_work.within_cap(facts)
    if isinstance(billed, Refuse):
        return billed
    covered = retained_work.total(billed.covered, billed.left_out.currency)
    said = (
        (covered, "covered by the retainer: it is not billed again."),
        (billed.left_out, "above what the contract lets be billed is left out."),
        (billed.withdrawn, "taken back while it was held: nobody owes it."),
    )
    text = " ".join(f"{one.amount:,} {one.currency} {words}" for one, words in said if one.minor)
    gathered = sum((Decimal(str(item["amount"])) for item in facts.items), Decimal(0))
    less = sum((one.amount for one, _words in said), Decimal(0))
    return Learn({"months": months, **billed.told()}, text, worth=gathered - less)


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
