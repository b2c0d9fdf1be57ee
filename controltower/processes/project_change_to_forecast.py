"""Project change to forecast: an agreed change order reaches everything that rests on the contract.

Change order approved in the PSA → contract value and end of the project follow all of its approved
change orders → the order's amount is spread over the months that are left, as revenue forecast →
the deal in the CRM is flagged, so that its owner sees what has become of it.

The contract value is never added to: the PSA is asked to sum its own change orders, so two orders
at once, or one told twice, come to the same value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.events import CHANGE_ORDER_APPROVED, BusinessKey, CanonicalEvent
from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency, minor_units
from controltower.canonical.records import ChangeOrder
from controltower.canonical.verdicts import Kind
from controltower.processes import agreement, project_opening
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
MOST_MONTHS = 24
"""A forecast that reaches further is taken for a slip of the pen."""


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, ChangeOrder) and event.record.approved


def open_change(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    order = event.record
    assert isinstance(order, ChangeOrder)
    return project_opening.opening(
        order,
        BusinessKey("change order", order.number),
        f"Change {order.number} to {order.project.name}"
        if order.project
        else f"Change {order.number}",
        amount=order.amount,
        companies=entities,
        due=now + PROCESS.promise,
    )


def check_change(facts: Facts) -> Prepared:
    """Everything the later steps rest on, checked before anything is written anywhere."""
    order = facts.subject
    if refusal := _without_contract(order, facts) or _wrong_currency(order) or _too_much(order):
        return refusal
    if not (span := _span(facts)):
        text = (
            f"Change order {order['number']} carries no day of approval, so nobody can tell over "
            "which months it is to be spread. Enter it in the PSA."
        )
        return Refuse(Kind.VALIDATION, text, "approved_on")
    _begins, ends = span
    if fault := misdated(f"Change order {order['number']}", ends):
        return Refuse(Kind.VALIDATION, fault, "ends_on")
    if len(_months(facts)) > MOST_MONTHS:
        text = (
            f"Change order {order['number']} would spread revenue to {ends:%B %Y}, more than "
            f"{MOST_MONTHS} months ahead. Correct its end."
        )
        return Refuse(Kind.VALIDATION, text, "ends_on")
    return Learn({"amount": str(order["amount"]), "until": ends.isoformat()})


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
    if str(project.get("stage", "")).lower() in CLOSED:
        text = (
            f"Project {project['name']} is {str(project['stage']).lower()}: nothing can be added "
            f"to it. Reopen it and approve change order {number} again, or sell the work anew."
        )
        return Refuse(Kind.VALIDATION, text, "stage")
    return None


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
    project = str(facts.subject["project_id"])
    return Send(
        ref=project, record={"number": facts.subject["number"]}, ordering=f"project:{project}"
    )


def forecast_month(position: int) -> Any:
    """The preparation of the n-th month (from 0) of the forecast."""

    def prepare(facts: Facts) -> Prepared:
        order = facts.subject
        months = _months(facts)
        first, last = months[position]
        worth = Money.of(str(order["amount"]), str(order["currency"]))
        part = worth.split([(end - start).days + 1 for start, end in months])[position]
        record = {
            "name": f"{order['number']} · {first:%Y-%m}",
            "project_id": order["project_id"],
            "period": f"{first:%Y-%m}",
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
            "amount": str(part.amount),
            "currency": part.currency,
            "change_order": order["number"],
            "correlation_id": facts.correlation_id,
        }
        return Send(record=record, ordering=f"forecast:{facts.reference}-{first:%Y-%m}")

    return prepare


def flag_deal(facts: Facts) -> Prepared:
    order = facts.subject
    deal = str(order["project"].get("opportunity_id") or "")
    if not deal:
        return Skip("The project names no deal, so nobody's deal has changed.")
    record = {"change_order": order["number"], "change_amount": str(order["amount"])}
    return Send(record=record, ref=deal, ordering=f"opportunity:{deal}")


def _span(facts: Facts) -> tuple[date, date] | None:
    """From the day of approval to the project's end, or the new one; at least that one day. None
    without the former: any other day would be another one by the time that a later part is sent."""
    order, project = facts.subject, facts.subject.get("project") or {}
    begins = _day(order.get("approved_on"))
    if begins is None:
        return None
    ends = _day(order.get("ends_on")) or _day(project.get("end_date")) or begins
    return begins, max(begins, ends)


def _months(facts: Facts) -> list[tuple[date, date]]:
    """The first and the last day in each month that the order is spread over."""
    found = []
    if span := _span(facts):
        begins, ends = span
        while begins <= ends:
            following = (begins.replace(day=1) + timedelta(days=32)).replace(day=1)
            found.append((begins, min(ends, following - timedelta(days=1))))
            begins = following
    return found


def _day(text: Any) -> date | None:
    return date.fromisoformat(str(text)) if text else None


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """The route; an amount adds one step for each month that it is spread over."""
    months = _months(facts) if Decimal(str(facts.subject.get("amount") or 0)) else []
    forecast = tuple(
        StepDefinition(
            name=f"forecast-{first:%Y-%m}",
            title=f"Forecast {first:%B %Y}",
            role="psa",
            entity="revenue_part",
            verb="upsert",
            needs=("contract",),
            mapping="revenue-part-to-psa",
            prepare=forecast_month(position),
            differs=agreement.amount_differs,
            owner_role="controller",
        )
        for position, (first, _) in enumerate(months[:MOST_MONTHS])
    )
    return (
        CHECK,
        FOLLOW,
        *forecast,
        StepDefinition(
            name="flag",
            title="Flag the deal",
            role="crm",
            entity="opportunity",
            verb="update",
            needs=("contract", *(step.name for step in forecast)),
            mapping="change-order-to-crm",
            prepare=flag_deal,
            differs=agreement.change_differs,
            owner_role="pmo_lead",
        ),
    )


CHECK = StepDefinition(
    name="check", title="Check the change order", prepare=check_change, owner_role="pmo_lead"
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

PROCESS = Process(
    name="project-change-to-forecast",
    title="Project change to forecast",
    starts_on=(CHANGE_ORDER_APPROVED,),
    promise=timedelta(hours=8),
    exposure="unbilled",
    stage="Change agreed",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_change,
    steps=steps,
)
