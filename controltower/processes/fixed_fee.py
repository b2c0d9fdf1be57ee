"""Fixed fees: a project sold for one price is set up with the milestones of its template."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from controltower.canonical.money import Money
from controltower.processes import agreement
from controltower.processes.definition import Facts, Prepared, Send, StepDefinition

BILLING_METHOD = "Fixed fee"
MILESTONES = (("Mobilisation", 30, 14), ("Design accepted", 40, 45), ("Handover", 30, 90))
"""Name, share of the price in percent, and days after the start."""


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """A step for each milestone of a won deal, once its project is there; none without a fixed
    fee."""
    if facts.subject.get("billing_method") != BILLING_METHOD:
        return ()
    return tuple(
        StepDefinition(
            name=f"milestone-{number + 1}",
            title=f"Set up milestone “{name}”",
            role="psa",
            entity="milestone",
            verb="upsert",
            needs=("project",),
            mapping="milestone-to-psa",
            prepare=create_milestone(number),
            differs=agreement.amount_differs,
        )
        for number, (name, _share, _days) in enumerate(MILESTONES)
    )


def create_milestone(number: int) -> Callable[[Facts], Prepared]:
    """The preparation of the n-th milestone (from 0); together they are the price to the cent."""

    def prepare(facts: Facts) -> Prepared:
        deal = facts.subject
        name, _, days = MILESTONES[number]
        price = Money.of(Decimal(str(deal["amount"])), str(deal["currency"]))
        part = price.split([share for _, share, _ in MILESTONES])[number]
        record = {
            "name": name,
            "project_id": facts.result("project").ref,
            "amount": str(part.amount),
            "currency": deal["currency"],
            "target_date": (start(facts) + timedelta(days=days)).isoformat(),
            "external_id": f"{facts.reference}-M{number + 1}",
            "correlation_id": facts.correlation_id,
        }
        return Send(record=record, ordering=f"milestone:{facts.reference}-{number + 1}")

    return prepare


def start(facts: Facts) -> date:
    """When the project of a deal starts: the day it was won, else today where it was sold."""
    closed = facts.subject.get("close_date")
    if closed:
        return date.fromisoformat(str(closed))
    assert facts.entity is not None
    return facts.entity.today(facts.now)
