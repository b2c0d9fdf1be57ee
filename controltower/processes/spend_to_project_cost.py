"""Spend to project cost: what was bought for a project is booked, and the project carries it.

Approved purchase with a project in the spend system → supplier's invoice in the ERP company of the
project, drafted, posted and read back → expense on the project in the PSA, to be re-billed or not →
the outcome in the spend system's own run log.

A purchase order is a promise to pay and no cost yet: its invoice will be. The exported flag is not
set here: whoever reads the purchase sets it once it is committed, and setting it later could hide
a revision that has come meanwhile. A purchase that is changed or voided once it is booked is booked
no second time: somebody must put the books right.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from controltower.canonical.events import PURCHASE_APPROVED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Purchase
from controltower.canonical.verdicts import Kind
from controltower.processes import agreement, purchases
from controltower.processes.definition import (
    Entity,
    Facts,
    Hold,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    StepDefinition,
    month_of,
)

BOOK_IN_NEXT_PERIOD = "next_period"
"""The owner's decision that lets a cost of a closed period be booked in the open one."""
COSTS = frozenset({"invoice", "report"})


def accepts(event: CanonicalEvent) -> bool:
    bought = event.record
    return isinstance(bought, Purchase) and bool(bought.project_id) and bought.kind in COSTS


def terms(bought: Mapping[str, Any]) -> object:
    """What of a purchase counts once it was booked: whether it is owed, and how it is coded."""
    amounts = [Decimal(str(bought[name])) for name in ("amount", "tax")]
    return amounts, [bought.get(name, True) for name in purchases.BOOKED_BY]


def open_cost(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    bought = event.record
    assert isinstance(bought, Purchase)
    keys = [BusinessKey("purchase", bought.number), BusinessKey("project", bought.project_id)]
    if bought.order_number:
        keys.append(BusinessKey("po", bought.order_number))
    return Opening(
        title=f"Cost of {bought.number}",
        counterparty=bought.supplier_name,
        entity=bought.entity if bought.entity in entities else "",
        amount=str(bought.amount),
        currency=bought.currency,
        keys=tuple(keys),
        due=now + PROCESS.promise,
        month=month_of(bought.on),
    )


def read_project(facts: Facts) -> Prepared:
    """Several projects on one purchase are no project: that is refused before any is asked for."""
    fault = purchases.several_of(facts.subject)
    return fault or Send(ref=str(facts.subject["project_id"]))


def check_purchase(facts: Facts) -> Prepared:
    """Refuse what no cost may rest on, and what is booked already as it was; hold what a closed
    period forbids."""
    if changed := purchases.changed_since(facts):
        return changed
    if fault := purchases.fault_of(facts):
        return fault
    entity, on = facts.entity, _bought_on(facts)
    assert entity is not None
    month = f"{on:%Y-%m}"
    if month in entity.closed_periods and facts.decisions.get("period") != BOOK_IN_NEXT_PERIOD:
        return Hold(
            "period_closed",
            f"It was bought in {month}, which {entity.name} has closed. "
            "Reopen the period, or book it in the open one.",
        )
    booked = _booked_on(facts)
    if booked > entity.today(facts.now):
        start = datetime.combine(booked, time(), tzinfo=ZoneInfo(entity.zone))
        return Hold("schedule", f"Booked on {booked:%d %B %Y}, when that period begins.", start)
    return Learn({"period": f"{booked:%Y-%m}", "project": facts.result("project").values["name"]})


def create_supplier(facts: Facts) -> Prepared:
    """By rule: a supplier that the ERP does not have is created from what the purchase says."""
    entity = facts.entity
    assert entity is not None
    if not facts.subject.get("approved", True):
        text = f"{facts.subject['number']} was voided before it was booked. Settle this."
        return Refuse(Kind.CONFLICT, text, "approved")
    code = purchases.supplier_code(facts.subject)
    record = {
        "code": code,
        "name": facts.subject["supplier_name"],
        "company": entity.code,
        "country": purchases.country_of(facts.subject, entity),
    }
    return Send(
        record=record,
        find={"code": code, "name": record["name"], "company": entity.code},
        ordering=f"supplier:{code}",
    )


def draft_bill(facts: Facts) -> Prepared:
    bought, entity = facts.subject, facts.entity
    assert entity is not None
    record = {
        "entity": entity.code,
        "reference": facts.reference,
        "supplier_code": facts.result("supplier").values.get("code", ""),
        "currency": bought["currency"],
        "invoice_date": _booked_on(facts).isoformat(),
        "description": f"{bought['number']} · {facts.correlation_id}",
        "untaxed": str(bought["amount"]),
        "tax": str(bought["tax"]),
        "lines": [purchases.line_of(bought)],
    }
    return Send(
        record=record,
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"supplier_invoice:{facts.reference}",
    )


def post_bill(facts: Facts) -> Prepared:
    entity = facts.entity
    assert entity is not None
    return Send(
        ref=facts.result("draft").ref,
        record={"entity": entity.code, "invoice_date": _booked_on(facts).isoformat()},
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"supplier_invoice:{facts.reference}",
    )


def charge_project(facts: Facts) -> Prepared:
    bought = facts.subject
    record = {
        "project_id": bought["project_id"],
        "account_code": bought["account_code"],
        "on": _bought_on(facts).isoformat(),
        "amount": str(bought["amount"]),
        "currency": bought["currency"],
        "billable": bought["billable"],
        "supplier_name": bought["supplier_name"],
        "external_id": f"{facts.reference}-X",
        "correlation_id": facts.correlation_id,
    }
    return Send(record=record, ordering=f"expense:{facts.reference}")


def begin_run(facts: Facts) -> Prepared:
    reference, number = f"{facts.reference}-R", facts.result("post").values.get("number", "")
    booked = f"{facts.subject['number']} is booked as {number} and is cost of the project."
    record = {"reference": reference, "text": booked}
    return Send(record=record, find={"reference": reference}, ordering=f"run:{reference}")


def end_run(facts: Facts) -> Prepared:
    return Send(ref=facts.result("run").ref, ordering=f"run:{facts.reference}-R")


def _bought_on(facts: Facts) -> date:
    return date.fromisoformat(str(facts.subject["on"]))


def _booked_on(facts: Facts) -> date:
    """The day of the purchase; by the owner's decision, the first one of the next open period."""
    assert facts.entity is not None
    if facts.decisions.get("period") == BOOK_IN_NEXT_PERIOD:
        return facts.entity.first_open_day(_bought_on(facts))
    return _bought_on(facts)


ROUTE = (
    StepDefinition(
        name="project",
        title="Read the project",
        role="psa",
        entity="project",
        verb="get",
        prepare=read_project,
        owner_role="pmo_lead",
    ),
    StepDefinition(
        name="check",
        title="Check the purchase",
        needs=("project",),
        prepare=check_purchase,
        owner_role="pmo_lead",
        consults="booked",
    ),
    StepDefinition(
        name="supplier",
        title="Validate or create the supplier",
        role="erp",
        entity="supplier",
        verb="upsert",
        needs=("check",),
        mapping="supplier-to-erp",
        probe_first=True,
        prepare=create_supplier,
        owner_role="steward",
    ),
    StepDefinition(
        name="draft",
        title="Draft the supplier's invoice",
        role="erp",
        entity="supplier_invoice",
        verb="upsert",
        needs=("supplier",),
        mapping="purchase-to-erp",
        probe_first=True,
        prepare=draft_bill,
        differs=agreement.bill_differs,
        owner_role="controller",
    ),
    StepDefinition(
        name="post",
        title="Post the supplier's invoice",
        role="erp",
        entity="supplier_invoice",
        verb="post",
        needs=("draft",),
        prepare=post_bill,
        differs=agreement.not_posted,
        owner_role="controller",
    ),
    StepDefinition(
        name="expense",
        title="Charge the project",
        role="psa",
        entity="expense",
        verb="upsert",
        needs=("post",),
        mapping="purchase-to-psa",
        prepare=charge_project,
        differs=agreement.amount_differs,
        owner_role="pmo_lead",
    ),
    StepDefinition(
        name="run",
        title="Report the booking to the spend system",
        role="spend",
        entity="integration_run",
        verb="upsert",
        needs=("expense",),
        mapping="run-to-spend",
        prepare=begin_run,
        differs=agreement.reference_differs,
    ),
    StepDefinition(
        name="status",
        title="End the run as a success",
        role="spend",
        entity="integration_run",
        verb="succeed",
        needs=("run",),
        prepare=end_run,
        differs=agreement.not_succeeded,
    ),
)


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """The route; what is owed no longer is looked at alone."""
    return ROUTE if facts.subject.get("approved", True) else ROUTE[:2]


NAME = "spend-to-project-cost"
PROCESS = Process(
    name=NAME,
    title="Spend to project cost",
    starts_on=(PURCHASE_APPROVED,),
    promise=timedelta(hours=8),
    exposure="unpaid cost",
    stage="Purchase approved",
    owner_role="controller",
    accepts=accepts,
    open=open_cost,
    steps=steps,
    every_change=True,
    terms=terms,
    taken_back_by=NAME,
)
