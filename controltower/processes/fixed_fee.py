"""Fixed fees: a project sold for one price is set up with the milestones of its template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.money import Money
from controltower.processes import agreement
from controltower.processes.definition import Facts, Prepared, Send, StepDefinition

Planned = Sequence[Mapping[str, Any]]
"""The milestones of a template: name, share of the price in per cent, days after the start."""


def steps(milestones: Planned) -> tuple[StepDefinition, ...]:
    """A step for each milestone, once the project is there."""
    return tuple(
        StepDefinition(
            name=f"milestone-{number + 1}",
            title=f"Set up milestone “{one['name']}”",
            role="psa",
            entity="milestone",
            verb="upsert",
            needs=("project",),
            mapping="milestone-to-psa",
            prepare=create_milestone(milestones, number),
            differs=agreement.amount_differs,
        )
        for number, one in enumerate(milestones)
    )


def create_milestone(milestones: Planned, number: int) -> Callable[[Facts], Prepared]:
    """The preparation of the n-th milestone (from 0); together they are the price to the cent."""

    def prepare(facts: Facts) -> Prepared:
        deal, milestone = facts.subject, milestones[number]
        price = Money.of(Decimal(str(deal["amount"])), str(deal["currency"]))
        part = price.split([Decimal(one["share"]) for one in milestones])[number]
        record = {
            "name": milestone["name"],
            "project_id": facts.result("project").ref,
            "amount": str(part.amount),
            "currency": deal["currency"],
            "target_date": (start(facts) + timedelta(days=milestone["days"])).isoformat(),
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
