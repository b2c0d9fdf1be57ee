"""Time and expense to billing: approved work becomes one posted invoice in the right company.

Approved timecards, expenses and milestones are gathered by the contract's rule (project, purchase
order or month) → billing event in the PSA → draft invoice in the ERP → posted → status and invoice
number back in the PSA.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from controltower.canonical.events import (
    EXPENSE_APPROVED,
    MILESTONE_APPROVED,
    TIMESHEET_APPROVED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.money import Money, UnknownCurrency
from controltower.canonical.records import BillableFact, TimeEntry
from controltower.canonical.verdicts import Kind
from controltower.processes import tax
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
)

BILL_IN_NEXT_PERIOD = "next_period"
"""The owner's decision that lets work of a closed period be billed in the open one."""


def accepts(event: CanonicalEvent) -> bool:
    fact = event.record
    return isinstance(fact, BillableFact) and fact.billable and fact.approved and not fact.billed


def open_billing(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    fact = event.record
    assert isinstance(fact, BillableFact)
    project = fact.project
    keys = [BusinessKey("approved work", fact.number)]
    if fact.project_id:
        keys.append(BusinessKey("project", fact.project_id))
    if project and project.po_number:
        keys.append(BusinessKey("po", project.po_number))
    entity = entities.get((project.entity if project else "") or fact.entity)
    sound = project is not None and entity is not None and not _fault(fact)
    until = gathers_until(fact, entity, now) if sound and entity else None
    client = project.customer_name if project else ""
    return Opening(
        title=f"Invoice for {project.name}" if project else f"Work {fact.number}",
        counterparty=client,
        entity=entity.code if entity else "",
        amount=str(fact.amount),
        currency=fact.currency,
        keys=tuple(keys),
        group=group_of(fact) if sound else "",
        gather_until=until,
        due=(until or now) + PROCESS.promise,
    )


def group_of(fact: BillableFact) -> str:
    """Which invoice a fact belongs to, by the contract's grouping rule, currency and month."""
    project = fact.project
    assert project is not None
    whom = f"{project.entity}:{project.customer_id}:{fact.currency}"
    if project.billing_grouping == "PO" and project.po_number:
        return f"{whom}:po:{project.po_number}:{fact.on:%Y-%m}"
    return f"{whom}:project:{fact.project_id}:{fact.on:%Y-%m}"


def gathers_until(fact: BillableFact, entity: Entity, now: datetime) -> datetime:
    """The billing run: month end for monthly contracts, else the entity's gathering window."""
    project = fact.project
    assert project is not None and fact.on is not None
    if project.billing_grouping != "Month":
        return now + entity.gather_for
    following = (fact.on.replace(day=1) + timedelta(days=32)).replace(day=1)
    return max(
        datetime.combine(following, time(), tzinfo=ZoneInfo(entity.zone)), now + entity.gather_for
    )


def _fault(fact: BillableFact) -> str:
    """Why this fact can never be on an invoice, or "" when it is sound."""
    if isinstance(fact, TimeEntry) and fact.hours <= 0:
        return f"Timecard {fact.number} has {fact.hours} hours: only positive time can be billed."
    if fact.amount <= 0:
        return f"{fact.number} has the amount {fact.amount}: only positive amounts can be billed."
    if fact.on is None:
        return f"{fact.number} carries no date, so its accounting period is unknown."
    return ""


def check_work(facts: Facts) -> Prepared:
    """Refuse what no invoice may rest on; hold what a closed period forbids."""
    for item in facts.items:
        refusal = _refusal(item, facts)
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
    return Learn({"months": months, "total": str(total(facts).amount)})


def _refusal(item: Mapping[str, Any], facts: Facts) -> Refuse | None:
    number, project = item["number"], item.get("project")
    if not project:
        return Refuse(
            Kind.REFERENCE_MISSING,
            f"{number} is booked on project “{item.get('project_id')}”, which the PSA does not "
            "have or the tower never saw.",
            "project",
        )
    if facts.entity is None:
        return Refuse(
            Kind.VALIDATION,
            f"The project of {number} names no legal entity of the firm.",
            "entity",
        )
    if not project.get("correlation_id"):
        return Refuse(
            Kind.REFERENCE_MISSING,
            f"The project of {number} did not come from a deal, so there is no contract to bill.",
            "project",
        )
    try:
        Money.of(str(item["amount"]), str(item["currency"]))
    except UnknownCurrency:
        return Refuse(
            Kind.VALIDATION,
            f"{number} is in “{item['currency']}”, which is no currency the firm trades in.",
            "currency",
        )
    if item["currency"] != project.get("currency"):
        return Refuse(
            Kind.VALIDATION,
            f"{number} is in {item['currency']}, but its contract is in {project['currency']}.",
            "currency",
        )
    for name, label in (("hours", "hours"), ("amount", "the amount")):
        if name in item and Decimal(str(item[name])) <= 0:
            return Refuse(
                Kind.VALIDATION,
                f"{number} has {label} {item[name]}: only positive work can be billed.",
                name,
            )
    return None


def read_client(facts: Facts) -> Prepared:
    return Send(ref=str(facts.items[0]["project"]["customer_id"]))


def total(facts: Facts) -> Money:
    """The untaxed value of the gathered work."""
    currency = str(facts.items[0]["currency"])
    return sum(
        (Money.of(str(item["amount"]), currency) for item in facts.items), Money(currency, 0)
    )


def release_billing_event(facts: Facts) -> Prepared:
    """Nothing is billed before its invoice date: a period that is closed now is waited out."""
    assert facts.entity is not None
    on = _invoice_date(facts)
    if on > facts.entity.today(facts.now):
        start = datetime.combine(on, time(), tzinfo=ZoneInfo(facts.entity.zone))
        text = f"Billed on {on:%d %B %Y}, when the next open period begins."
        return Hold("schedule", text, start)
    project = facts.items[0]["project"]
    worth = total(facts)
    record = {
        "project_id": project["source_id"],
        "customer_id": project["customer_id"],
        "amount": str(worth.amount),
        "currency": worth.currency,
        "date": _invoice_date(facts).isoformat(),
        "period": f"{_invoice_date(facts):%Y-%m}",
        "external_id": f"{facts.reference}-B",
        "correlation_id": facts.correlation_id,
    }
    return Send(record=record, ordering=f"billing_event:{facts.reference}")


def draft_invoice(facts: Facts) -> Prepared:
    client, entity = facts.result("client").values, facts.entity
    assert entity is not None
    if not client.get("erp_code"):
        return Refuse(
            Kind.REFERENCE_MISSING,
            f"{client.get('name')} has no customer in the ERP yet: its deal is not set up.",
            "customer",
        )
    treatment = tax.treatment(
        entity, str(client.get("country") or ""), str(client.get("vat_number") or "")
    )
    if isinstance(treatment, Refuse):
        return treatment
    project = facts.items[0]["project"]
    worth = total(facts)
    record = {
        "entity": entity.code,
        "reference": facts.reference,
        "customer_code": client["erp_code"],
        "customer_name": client["name"],
        "contact_email": client.get("contact_email", ""),
        "currency": worth.currency,
        "invoice_date": _invoice_date(facts).isoformat(),
        "payment_term": "net_30",
        "description": f"{project['name']} · {facts.correlation_id}",
        "po_number": project.get("po_number", ""),
        "tax_treatment": f"{entity.code}/{treatment}",
        "untaxed": str(worth.amount),
        "lines": [
            {**_line(item), "tax_treatment": f"{entity.code}/{treatment}"} for item in facts.items
        ],
    }
    return Send(
        record=record,
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"invoice:{facts.reference}",
    )


def _line(item: Mapping[str, Any]) -> dict[str, Any]:
    amount = Money.of(str(item["amount"]), str(item["currency"])).amount
    if "hours" in item:
        hours, rate = Decimal(str(item["hours"])), Decimal(str(item["rate"]))
        exact = Money.of(hours * rate, str(item["currency"])).amount == amount
        text = f"{item['resource_name']}, {item['role']}, week of {item['week_start']}"
        if exact:
            return _as_line(text, str(hours), "hour", str(rate), str(amount), item, "time")
        return _as_line(text, "1", "unit", str(amount), str(amount), item, "time")
    kind = "expense" if "type" in item else "milestone"
    text = f"{item['type']}, {item['resource_name']}" if kind == "expense" else str(item["name"])
    return _as_line(text, "1", "unit", str(amount), str(amount), item, kind)


def _as_line(
    text: str, quantity: str, unit: str, price: str, amount: str, item: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    return {
        "description": text,
        "quantity": quantity,
        "unit": unit,
        "unit_price": price,
        "amount": amount,
        "origin": item["number"],
        "revenue_kind": kind,
    }


def post_invoice(facts: Facts) -> Prepared:
    entity = facts.entity
    assert entity is not None
    return Send(
        ref=facts.result("draft").ref,
        record={"entity": entity.code, "invoice_date": _invoice_date(facts).isoformat()},
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"invoice:{facts.reference}",
    )


def report_status(facts: Facts) -> Prepared:
    posted = facts.result("post").values
    record = {
        "invoice_number": posted.get("number", ""),
        "amount": str(total(facts).amount),
        "items": [{"kind": _kind(item), "ref": item["source_id"]} for item in facts.items],
        "correlation_id": facts.correlation_id,
    }
    ref = facts.result("billing-event").ref
    return Send(record=record, ref=ref, ordering=f"billing_event:{facts.reference}")


def _kind(item: Mapping[str, Any]) -> str:
    if "hours" in item:
        return "timecard"
    return "expense" if "type" in item else "milestone"


def _invoice_date(facts: Facts) -> date:
    """The entity's own today; by the owner's decision, the first day of the next open period."""
    assert facts.entity is not None
    today = facts.entity.today(facts.now)
    if facts.decisions.get("period") == BILL_IN_NEXT_PERIOD:
        return facts.entity.first_open_day(today)
    return today


def _totals_differ(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if Decimal(str(sent["untaxed"])) == Decimal(str(found.get("untaxed", 0))):
        return ""
    return f"sent {sent['untaxed']} untaxed, the ERP shows {found.get('untaxed')}"


def _not_posted(_sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    state = str(found.get("state", ""))
    return "" if state in {"posted", "paid"} else f"the ERP shows the invoice as “{state}”"


def _status_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if found.get("invoice_number") == sent["invoice_number"]:
        return ""
    return f"the PSA shows invoice “{found.get('invoice_number')}”"


ROUTE = (
    StepDefinition(
        name="check", title="Check the approved work", prepare=check_work, owner_role="pmo_lead"
    ),
    StepDefinition(
        name="client",
        title="Read the client",
        role="crm",
        entity="customer",
        verb="get",
        needs=("check",),
        prepare=read_client,
    ),
    StepDefinition(
        name="billing-event",
        title="Release the billing event",
        role="psa",
        entity="billing_event",
        verb="upsert",
        needs=("client",),
        mapping="billing-event-to-psa",
        prepare=release_billing_event,
        differs=lambda sent, found: (
            ""
            if Decimal(str(sent["amount"])) == Decimal(str(found.get("amount", 0)))
            else f"sent {sent['amount']}, the PSA shows {found.get('amount')}"
        ),
    ),
    StepDefinition(
        name="draft",
        title="Draft the invoice",
        role="erp",
        entity="invoice",
        verb="upsert",
        needs=("billing-event",),
        mapping="invoice-to-erp",
        probe_first=True,
        prepare=draft_invoice,
        differs=_totals_differ,
        owner_role="controller",
    ),
    StepDefinition(
        name="post",
        title="Post the invoice",
        role="erp",
        entity="invoice",
        verb="post",
        needs=("draft",),
        prepare=post_invoice,
        differs=_not_posted,
        owner_role="controller",
    ),
    StepDefinition(
        name="status",
        title="Report the invoice to the PSA",
        role="psa",
        entity="billing_event",
        verb="mark_invoiced",
        needs=("post",),
        mapping="billing-status-to-psa",
        prepare=report_status,
        differs=_status_differs,
    ),
)


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return ROUTE


PROCESS = Process(
    name="time-and-expense-to-billing",
    title="Time and expense to billing",
    starts_on=(TIMESHEET_APPROVED, EXPENSE_APPROVED, MILESTONE_APPROVED),
    promise=timedelta(hours=4),
    exposure="unbilled",
    stage="Time approved",
    owner_role="controller",
    accepts=accepts,
    open=open_billing,
    steps=steps,
)
