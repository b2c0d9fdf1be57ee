"""Payroll to cost reporting: what a pay period has cost a company is in the report of its month.

Accepted payroll → checked against the company and its own parts → recorded, by cost centre, in the
month in which the period ends. Nobody's pay is part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from controltower.canonical.events import PAYROLL_ACCEPTED, BusinessKey, CanonicalEvent
from controltower.canonical.records import LabourCost
from controltower.canonical.verdicts import Kind
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    StepDefinition,
    misdated,
    month_of,
)


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, LabourCost)


def open_cost(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    cost = event.record
    assert isinstance(cost, LabourCost)
    return Opening(
        title=f"Labour cost of {cost.number}",
        counterparty=cost.name,
        entity=cost.entity if cost.entity in entities else "",
        amount=str(cost.amount),
        currency=cost.currency,
        keys=(BusinessKey("payroll", cost.number),),
        due=now + PROCESS.promise,
        month=month_of(cost.to_date),
    )


def check_payroll(facts: Facts) -> Prepared:
    """Refuse what no report may hold: another company's, another currency's, or parts that are not
    the whole."""
    return _misplaced(facts) or _unsound(facts) or Learn({"period": _period(facts)})


def _misplaced(facts: Facts) -> Refuse | None:
    cost, entity = facts.items[0], facts.entity
    number = str(cost["number"])
    if entity is None:
        text = f"{number} is of the payroll group “{cost['entity']}”, which is no company of ours."
        return Refuse(Kind.REFERENCE_MISSING, text, "entity")
    if cost["currency"] != entity.currency:
        text = (
            f"{number} is in {cost['currency']}, but {entity.name} keeps its books "
            f"in {entity.currency}."
        )
        return Refuse(Kind.VALIDATION, text, "currency")
    on = date.fromisoformat(str(cost["to_date"])) if cost.get("to_date") else None
    if text := misdated(number, on):
        return Refuse(Kind.VALIDATION, text, "to_date")
    return None


def _unsound(facts: Facts) -> Refuse | None:
    cost = facts.items[0]
    whole = Decimal(str(cost["amount"]))
    if whole <= 0:
        text = f"{cost['number']} costs {whole}: only a positive cost can be recorded."
        return Refuse(Kind.VALIDATION, text, "amount")
    told = sum((Decimal(str(part["amount"])) for part in cost["parts"]), Decimal(0))
    if told != whole:
        text = (
            f"The cost centres of {cost['number']} come to {told}, the payroll to {whole}. "
            "Have the provider correct it."
        )
        return Refuse(Kind.VALIDATION, text, "parts")
    return None


def record_cost(facts: Facts) -> Prepared:
    """Book each cost centre's part into the report of the month in which the period ends."""
    totals: dict[str, Decimal] = {}
    for part in facts.items[0]["parts"]:
        centre = str(part["cost_centre"])
        totals[centre] = totals.get(centre, Decimal(0)) + Decimal(str(part["amount"]))
    return Learn(
        {"period": _period(facts)} | {centre: str(told) for centre, told in totals.items()}
    )


def _period(facts: Facts) -> str:
    return str(facts.items[0]["to_date"])[:7]


ROUTE = (
    StepDefinition(
        name="check",
        title="Check the payroll",
        prepare=check_payroll,
        owner_role="controller",
    ),
    StepDefinition(
        name="record",
        title="Record the labour cost",
        needs=("check",),
        prepare=record_cost,
        owner_role="controller",
    ),
)


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return ROUTE


PROCESS = Process(
    name="payroll-to-cost-reporting",
    title="Payroll to cost reporting",
    starts_on=(PAYROLL_ACCEPTED,),
    promise=timedelta(hours=24),
    exposure="unpaid cost",
    stage="Payroll accepted",
    owner_role="controller",
    accepts=accepts,
    open=open_cost,
    steps=steps,
)
