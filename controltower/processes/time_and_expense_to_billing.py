"""Time and expense to billing: approved work becomes one posted invoice in the right company.

Approved timecards, expenses and milestones are gathered by the contract's rule (project, purchase
order, month, or all of the contract) → billing event in the PSA → draft invoice in the ERP → posted
→ status and invoice number back in the PSA.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from controltower.canonical.events import (
    EXPENSE_APPROVED,
    MILESTONE_APPROVED,
    RETAINER_DUE,
    TIMESHEET_APPROVED,
    WORK_LEFT_OUT,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import BillableFact, RetainerMonth, WorkLeftOut
from controltower.canonical.verdicts import Kind
from controltower.processes import (
    agreement,
    approved_work,
    billing_paper,
    booking_day,
    capped_work,
    checked_work,
    credit_and_rebill,
    invoice_lines,
    project_opening,
    quote_to_cash,
    retained_work,
)
from controltower.processes.definition import (
    Entity,
    Facts,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    Skip,
    StepDefinition,
    Trace,
    month_of,
)
from controltower.processes.editing import Editable, Holds

NO_INVOICE = "Nothing of it is to be billed, so no invoice is written."


def accepts(event: CanonicalEvent) -> bool:
    fact = event.record
    if not isinstance(fact, BillableFact) or fact.corrects:
        return False
    return fact.billable and fact.approved and not fact.billed


def open_billing(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    fact = event.record
    assert isinstance(fact, BillableFact)
    project = fact.project
    begun = project_opening.opening(
        fact,
        BusinessKey("approved work", fact.number),
        approved_work.title_of(fact),
        amount=fact.amount,
        companies=entities,
        due=now + PROCESS.promise,
    )
    order = project.po_number if project else ""
    begun = replace(
        begun,
        keys=(*begun.keys, BusinessKey("po", order)) if order else begun.keys,
        month=month_of(fact.on),
        happened=event.time,
    )
    if project is None or not begun.entity or approved_work.fault_of(fact):
        return begun
    if isinstance(fact, (RetainerMonth, WorkLeftOut)):
        return begun
    until = approved_work.gathers_until(fact, entities[begun.entity], now)
    group = approved_work.group_of(fact)
    return replace(begun, group=group, gather_until=until, due=until + PROCESS.promise)


def read_client(facts: Facts) -> Prepared:
    return Send(ref=str(facts.items[0]["project"]["customer_id"]))


def release_billing_event(facts: Facts) -> Prepared:
    """Nothing is billed before its invoice date: a period that is closed now is waited out."""
    assert facts.entity is not None
    on, worth = checked_work.invoice_date(facts), capped_work.worth(facts)
    if not (worth.minor or checked_work.in_the_psa(facts)):
        return Skip(NO_INVOICE)
    if early := booking_day.too_early(facts.entity, on, facts.now, "Billed"):
        return early
    project = facts.items[0]["project"]
    record = {
        "project_id": project["source_id"],
        "customer_id": project["customer_id"],
        "amount": str(worth.amount),
        "currency": worth.currency,
        "date": on.isoformat(),
        "period": f"{on:%Y-%m}",
        "items": checked_work.in_the_psa(facts),
        "external_id": f"{facts.reference}-B",
        "correlation_id": facts.correlation_id,
    }
    return Send(record=record, ordering=f"billing_event:{facts.reference}")


def draft_invoice(facts: Facts) -> Prepared:
    client, entity = facts.result("client").values, facts.entity
    assert entity is not None
    if not capped_work.worth(facts).minor:
        return Skip(NO_INVOICE)
    if not client.get("erp_code"):
        return Refuse(
            Kind.REFERENCE_MISSING,
            f"{client.get('name')} has no customer in the ERP yet: its deal is not set up.",
            "customer",
        )
    lines = [invoice_lines.line_of(item) for item in facts.items]
    lines += [invoice_lines.less_line(less, why) for less, why in capped_work.not_billed(facts)]
    invoice = billing_paper.paper(
        facts,
        on=checked_work.invoice_date(facts),
        about=facts.items[0]["project"]["name"],
        worth=capped_work.worth(facts),
        lines=lines,
    )
    if isinstance(invoice, Refuse):
        return invoice
    email = client.get("contact_email", "")
    record = {**invoice, "customer_name": client["name"], "contact_email": email}
    return Send(
        record=record,
        find={
            "reference": facts.reference,
            "company": entity.code,
            "facts": [invoice_lines.mark_of(item) for item in facts.items],
        },
        ordering=f"invoice:{facts.reference}",
    )


def post_invoice(facts: Facts) -> Prepared:
    entity = facts.entity
    assert entity is not None
    if not capped_work.worth(facts).minor:
        return Skip(NO_INVOICE)
    return Send(
        ref=facts.result("draft").ref,
        record={
            "entity": entity.code,
            "invoice_date": checked_work.invoice_date(facts).isoformat(),
        },
        find={"reference": facts.reference, "company": entity.code},
        ordering=f"invoice:{facts.reference}",
    )


def report_status(facts: Facts) -> Prepared:
    if not (capped_work.worth(facts).minor or checked_work.in_the_psa(facts)):
        return Skip(NO_INVOICE)
    posted, covered = facts.result("post").values, facts.result("check").values.get("covered", [])
    number = posted.get("number", "") or (retained_work.label(covered) if covered else "")
    record = {
        "invoice_number": number,
        "amount": str(capped_work.worth(facts).amount),
        "items": checked_work.in_the_psa(facts),
        "correlation_id": facts.correlation_id,
    }
    ref = facts.result("billing-event").ref
    return Send(record=record, ref=ref, ordering=f"billing_event:{facts.reference}")


ROUTE = (
    StepDefinition(
        name="check",
        title="Check the approved work",
        prepare=checked_work.check,
        owner_role="pmo_lead",
        consults="contracts",
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
        differs=agreement.amount_differs,
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
        differs=agreement.totals_differ,
        owner_role="controller",
        editable=(
            Editable(name="po_number", title="Purchase order", longest=60),
            Editable(name="description", title="Description", longest=200),
            Editable(name="contact_email", title="Contact e-mail", holds=Holds.EMAIL),
        ),
    ),
    StepDefinition(
        name="post",
        title="Post the invoice",
        role="erp",
        entity="invoice",
        verb="post",
        needs=("draft",),
        prepare=post_invoice,
        differs=agreement.not_posted,
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
        differs=agreement.status_differs,
    ),
)


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return ROUTE


PROCESS = Process(
    name="time-and-expense-to-billing",
    title="Time and expense to billing",
    starts_on=(
        TIMESHEET_APPROVED,
        EXPENSE_APPROVED,
        MILESTONE_APPROVED,
        WORK_LEFT_OUT,
        RETAINER_DUE,
    ),
    promise=timedelta(hours=4),
    exposure="unbilled",
    stage="Time approved",
    owner_role="controller",
    accepts=accepts,
    open=open_billing,
    steps=steps,
    trace=Trace(role="erp", entity="invoice", mark=invoice_lines.mark_of),
    begins=quote_to_cash.TIME,
    reaches=quote_to_cash.INVOICE,
    expects=(quote_to_cash.CASH,),
    taken_back_by=credit_and_rebill.PROCESS.name,
)
