"""Time to cost reporting: approved work that nobody pays for still costs the firm money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from controltower.canonical.events import (
    EXPENSE_APPROVED,
    TIMESHEET_APPROVED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import BillableFact, TimeEntry
from controltower.canonical.verdicts import Kind
from controltower.processes import approved_work
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    StepDefinition,
    month_of,
)


def accepts(event: CanonicalEvent) -> bool:
    fact = event.record
    return isinstance(fact, BillableFact) and not fact.billable and fact.approved


def cost_of(fact: BillableFact) -> Decimal:
    """Hours at cost rate, or the expense's own amount; major units of the fact's currency."""
    return fact.hours * fact.cost_rate if isinstance(fact, TimeEntry) else fact.amount


def open_cost(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    fact = event.record
    assert isinstance(fact, BillableFact)
    entity = (fact.project.entity if fact.project else "") or fact.entity
    keys = [BusinessKey("approved work", fact.number)]
    if fact.project_id:
        keys.append(BusinessKey("project", fact.project_id))
    return Opening(
        title=f"Cost of {fact.number}",
        counterparty=fact.project.name if fact.project else "",
        entity=entity,
        amount=str(cost_of(fact)),
        currency=fact.currency,
        keys=tuple(keys),
        due=now + PROCESS.promise,
        month=month_of(fact.on),
    )


def record_cost(facts: Facts) -> Prepared:
    """Book the cost into the report of the work's own month."""
    fact, entity = facts.items[0], facts.entity
    if entity is None:
        return Refuse(
            Kind.VALIDATION,
            f"{fact['number']} names no legal entity of the firm, so its cost has no home.",
            "entity",
        )
    if "hours" in fact and Decimal(str(fact["hours"])) <= 0:
        return Refuse(
            Kind.VALIDATION,
            f"{fact['number']} has {fact['hours']} hours: only positive time has a cost.",
            "hours",
        )
    if refusal := approved_work.undated(fact):
        return refusal
    return Learn({"period": str(fact["on"])[:7], "resource": fact.get("resource_name", "")})


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return (
        StepDefinition(
            name="record",
            title="Record the cost",
            prepare=record_cost,
            owner_role="pmo_lead",
        ),
    )


PROCESS = Process(
    name="time-to-cost-reporting",
    title="Time to cost reporting",
    starts_on=(TIMESHEET_APPROVED, EXPENSE_APPROVED),
    promise=timedelta(hours=24),
    exposure="unpaid cost",
    stage="Time approved",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_cost,
    steps=steps,
)
