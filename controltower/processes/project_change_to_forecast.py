"""Project change to forecast: an agreed change order reaches everything that rests on the contract.

Change order approved in the PSA → contract value and end of the project follow all of its approved
change orders → the order's amount is spread over the months that are left, as revenue forecast →
the deal in the CRM is flagged, so that its owner sees what has become of it.

The contract value is never added to: the PSA is asked to sum its own change orders, so two orders
at once, or one told twice, come to the same value. An order that is changed or taken back later is
carried through once more as it is then; what was billed above the cap that is left needs somebody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.events import CHANGE_ORDER_APPROVED, BusinessKey, CanonicalEvent
from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency, minor_units
from controltower.canonical.records import ChangeOrder
from controltower.canonical.verdicts import Kind
from controltower.processes import agreement, capped_work, project_opening, revenue_forecast
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    Skip,
    StepDefinition,
    misdated,
)

CLOSED = frozenset({"completed", "complete", "closed", "cancelled", "archived"})
"""Stages, as the PSAs word them, in which nothing can be added to a project."""
BOOKED = (revenue_forecast.KNOWN, revenue_forecast.BEFORE)
"""What the tower's own books say of an order that was carried through before."""


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, ChangeOrder)


def terms(order: Mapping[str, Any]) -> object:
    """What of an order counts once it was carried through: its project's stage or a later stamp do
    not."""
    return order["approved"], Decimal(order["amount"]), order["currency"], order["ends_on"]


def open_change(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    order = event.record
    assert isinstance(order, ChangeOrder)
    return project_opening.opening(
        order,
        BusinessKey("change order", order.number),
        _title(order),
        amount=order.amount if order.approved else Decimal(0),
        companies=entities,
        due=now + PROCESS.promise,
    )


def _title(order: ChangeOrder) -> str:
    if order.project is None:
        return f"Change {order.number}"
    if not order.approved:
        return f"Change {order.number} to {order.project.name}, taken back"
    return f"Change {order.number} to {order.project.name}"


def check_change(facts: Facts) -> Prepared:
    """Everything the later steps rest on, checked before anything is written anywhere."""
    order = facts.subject
    known = {name: facts.books[name] for name in BOOKED if name in facts.books}
    worth = revenue_forecast.added(order, known)
    if refusal := _without_contract(order, facts) or _wrong_currency(order):
        return refusal
    if not order.get("approved", True):
        return Learn({"amount": "0", **known}, worth=worth)
    if refusal := _closed(order) or _too_much(order):
        return refusal
    if not (span := revenue_forecast.span(facts)):
        text = (
            f"Change order {order['number']} carries no day of approval, so nobody can tell over "
            "which months it is to be spread. Enter it in the PSA."
        )
        return Refuse(Kind.VALIDATION, text, "approved_on")
    _begins, ends = span
    if fault := misdated(f"Change order {order['number']}", ends):
        return Refuse(Kind.VALIDATION, fault, "ends_on")
    if len(revenue_forecast.months(facts)) > revenue_forecast.MOST_MONTHS:
        text = (
            f"Change order {order['number']} would spread revenue to {ends:%B %Y}, more than "
            f"{revenue_forecast.MOST_MONTHS} months ahead. Correct its end."
        )
        return Refuse(Kind.VALIDATION, text, "ends_on")
    told = {"amount": str(order["amount"]), "until": ends.isoformat()}
    return Learn({**told, **known}, worth=worth)


def _without_contract(order: Mapping[str, Any], facts: Facts) -> Refuse | None:
    number, project = order["number"], order.get("project")
    if not project:
        text = (
            f"Change order {number} is for project “{order.get('project_id')}”, which the PSA does "
            "not have or the tower never saw."
        )
        return Refuse(Kind.REFERENCE_MISSING, text, "project")
    if facts.entity is None:
        text = f"The project of change order {number} names no legal entity of the firm."
        return Refuse(Kind.VALIDATION, text, "entity")
    if not project.get("correlation_id"):
        text = (
            f"The project of change order {number} did not come from a deal, so there is no "
            "contract to change."
        )
        return Refuse(Kind.REFERENCE_MISSING, text, "project")
    return None


def _closed(order: Mapping[str, Any]) -> Refuse | None:
    number, project = order["number"], order["project"]
    if str(project.get("stage", "")).lower() not in CLOSED:
        return None
    text = (
        f"Project {project['name']} is {str(project['stage']).lower()}: nothing can be added "
        f"to it. Reopen it and approve change order {number} again, or sell the work anew."
    )
    return Refuse(Kind.VALIDATION, text, "stage")


def _wrong_currency(order: Mapping[str, Any]) -> Refuse | None:
    number, currency, agreed = order["number"], order["currency"], order["project"]["currency"]
    try:
        minor_units(str(currency))
        Money.of(str(order["amount"]), str(currency))
    except UnknownCurrency:
        text = f"Change order {number} is in “{currency}”, which is no currency the firm trades in."
        return Refuse(Kind.VALIDATION, text, "currency")
    except NotAnAmount:
        return Refuse(Kind.VALIDATION, f"The amount of {number} is not a number.", "amount")
    if currency != agreed:
        text = f"Change order {number} is in {currency}, but its contract is in {agreed}."
        return Refuse(Kind.VALIDATION, text, "currency")
    return None


def _too_much(order: Mapping[str, Any]) -> Refuse | None:
    number, currency, project = order["number"], order["currency"], order["project"]
    amount, limit = Decimal(str(order["amount"])), Decimal(str(project.get("change_limit") or 0))
    if not amount and not order.get("ends_on"):
        text = f"Change order {number} changes neither the value nor the end of its project."
        return Refuse(Kind.VALIDATION, text, "amount")
    if limit and amount > limit:
        text = (
            f"Change order {number} adds {amount} {currency}, but the contract lets one change "
            f"order add {limit} {currency} at the most. Have the contract amended, raise the limit "
            "on the project and approve the change order again, or split it."
        )
        return Refuse(Kind.VALIDATION, text, "amount")
    if Decimal(str(project["contract_value"])) + amount < 0:
        text = (
            f"Change order {number} takes {-amount} {currency} away, more than the contract is "
            f"worth ({project['contract_value']})."
        )
        return Refuse(Kind.VALIDATION, text, "amount")
    return None


def follow_changes(facts: Facts) -> Prepared:
    order, project = facts.subject, str(facts.subject["project_id"])
    record = {"number": order["number"], "approved": order.get("approved", True)}
    return Send(ref=project, record=record, ordering=f"project:{project}")


def flag_deal(facts: Facts) -> Prepared:
    order = facts.subject
    deal = str(order["project"].get("opportunity_id") or "")
    if not deal:
        return Skip("The project names no deal, so nobody's deal has changed.")
    worth = str(revenue_forecast.worth(order))
    record = {"change_order": order["number"], "change_amount": worth}
    return Send(record=record, ref=deal, ordering=f"opportunity:{deal}")


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """The route; an amount adds one step for each month that it is spread over."""
    forecast = revenue_forecast.steps(facts)
    flag = replace(FLAG, needs=("contract", *(step.name for step in forecast)))
    return (CHECK, FOLLOW, *forecast, flag, ROOM)


CHECK = StepDefinition(
    name="check",
    title="Check the change order",
    prepare=check_change,
    owner_role="pmo_lead",
    consults="forecast",
)
FOLLOW = StepDefinition(
    name="contract",
    title="Bring contract value and end up to date",
    role="psa",
    entity="budget",
    verb="follow_changes",
    needs=("check",),
    prepare=follow_changes,
    differs=agreement.budget_differs,
    owner_role="pmo_lead",
)
FLAG = StepDefinition(
    name="flag",
    title="Flag the deal",
    role="crm",
    entity="opportunity",
    verb="update",
    mapping="change-order-to-crm",
    prepare=flag_deal,
    differs=agreement.change_differs,
    owner_role="pmo_lead",
)
ROOM = StepDefinition(
    name="room",
    title="See that no more is billed than is agreed",
    needs=("check",),
    prepare=capped_work.within_what_is_agreed,
    owner_role="controller",
    consults="contracts",
)

NAME = "project-change-to-forecast"
PROCESS = Process(
    name=NAME,
    title="Project change to forecast",
    starts_on=(CHANGE_ORDER_APPROVED,),
    promise=timedelta(hours=8),
    exposure="unbilled",
    stage="Change agreed",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_change,
    steps=steps,
    every_change=True,
    terms=terms,
    taken_back_by=NAME,
)
