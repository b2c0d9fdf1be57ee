"""Time to cost reporting: approved work that nobody pays for still costs the firm money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from controltower.canonical.events import (
    EXPENSE_APPROVED,
    TIMESHEET_APPROVED,
    WORK_WRITTEN_OFF,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import BillableFact, TimeEntry
from controltower.canonical.verdicts import Kind
from controltower.processes import approved_work, between_companies, project_opening
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
    """Hours at cost rate; of an expense its own amount, of work above a cap that is written off
    what it would have been billed at. Major units of the fact's currency."""
    return fact.hours * fact.cost_rate if isinstance(fact, TimeEntry) else fact.amount


def open_cost(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    fact = event.record
    assert isinstance(fact, BillableFact)
    begun = project_opening.opening(
        fact,
        BusinessKey("approved work", fact.number),
        f"Cost of {fact.number}",
        amount=cost_of(fact),
        companies=entities,
        due=now + PROCESS.promise,
    )
    project = fact.project.name if fact.project else ""
    return replace(begun, counterparty=project, month=month_of(fact.on))


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
    period = str(fact["on"])[:7]
    lent = between_companies.lent(facts.items, entity.code)
    late = f"{entity.name} has closed {period}: it is entered after that."
    said = (
        late if period in entity.closed_periods else "",
        between_companies.told(lent, entity.code),
    )
    values = {"period": period, "resource": fact.get("resource_name", "")}
    return Learn(values | between_companies.kept(lent), " ".join(filter(None, said)))


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
    starts_on=(TIMESHEET_APPROVED, EXPENSE_APPROVED, WORK_WRITTEN_OFF),
    promise=timedelta(hours=24),
    exposure="unpaid cost",
    stage="Time approved",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_cost,
    steps=steps,
)
