"""Opportunity to project: a won deal becomes a customer, a project shell and links back.

Deal closed won in the CRM → customer validated or created in the ERP company of the selling legal
entity → project in the PSA from the template that the firm has agreed on, with its milestones and a
staffing request for each of its roles → links in the CRM.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from controltower.canonical.events import OPPORTUNITY_WON, BusinessKey, CanonicalEvent
from controltower.canonical.records import Opportunity
from controltower.processes import (
    agreement,
    checked_deal,
    clients,
    deal_taken_back,
    fixed_fee,
    project_templates,
    quote_to_cash,
    staffing_requests,
    tax,
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
)
from controltower.processes.editing import Editable, Holds


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, Opportunity) and event.record.won


def open_deal(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    deal = event.record
    assert isinstance(deal, Opportunity)
    keys = [BusinessKey("opportunity", deal.source_id)]
    if deal.po_number:
        keys.append(BusinessKey("po", deal.po_number))
    if deal.customer_id:
        keys.append(BusinessKey("client", deal.customer_id))
    return Opening(
        title=deal.name,
        counterparty=deal.customer_name,
        entity=deal.entity,
        amount=str(deal.amount),
        currency=deal.currency,
        keys=tuple(keys),
        due=now + PROCESS.promise,
        happened=event.time,
    )


def read_client(facts: Facts) -> Prepared:
    return Send(ref=str(facts.subject["customer_id"]))


def customer_code(client_id: str) -> str:
    """The client's code in every ERP company: stable, derived from the CRM's id alone, and of so
    many digits that no two of a firm's clients share one: they would be one customer in the ERP."""
    digest = hashlib.blake2b(client_id.encode(), digest_size=8).digest()
    return f"C-{int.from_bytes(digest, 'big') % 10**14:014d}"


def create_customer(facts: Facts) -> Prepared:
    read, entity = facts.result("client").values, facts.entity
    assert entity is not None
    client = clients.invoiced(read, read.get("line", ()))
    if isinstance(client, Refuse):
        return client
    treatment = tax.treatment(
        entity, str(client.get("country") or ""), str(client.get("vat_number") or "")
    )
    if isinstance(treatment, Refuse):
        return treatment
    code = str(client.get("erp_code") or customer_code(str(client["source_id"])))
    record = {**client, "code": code, "company": entity.code, "tax_treatment": treatment}
    return Send(
        record=record,
        find={
            "code": code,
            "name": client["name"],
            "vat_number": client.get("vat_number") or "",
            "company": entity.code,
        },
        ordering=f"customer:{code}",
    )


def customer_number(facts: Facts) -> str:
    """The number under which the ERP has the customer, which may be older than the tower."""
    return str(facts.result("customer").values.get("code") or "")


def link_client(facts: Facts) -> Prepared:
    client = _left(facts.result("client").values)
    if client.get("erp_code") == customer_number(facts):
        return Skip("The client carries its customer number already.")
    return Send(
        record={"erp_customer_code": customer_number(facts)},
        ref=str(client["source_id"]),
        ordering=f"client:{client['source_id']}",
    )


def _left(client: Mapping[str, Any]) -> Mapping[str, Any]:
    """The client as the CRM keeps it: in place of one that was merged away, whoever is left."""
    line = client.get("line") or ()
    return next((one for one in [client, *line] if not one.get("deleted")), client)


def create_project(facts: Facts) -> Prepared:
    deal, client = facts.subject, facts.result("client").values
    start = fixed_fee.start(facts)
    record = {
        **deal,
        "customer_id": _left(client)["source_id"],
        "opportunity_id": deal["source_id"],
        "stage": "Planned",
        "start_date": start.isoformat(),
        "end_date": (start + staffing_requests.LENGTH).isoformat(),
        "template": str(_template(facts).get("name") or ""),
        "contract_value": deal["amount"],
        "external_id": f"{facts.reference}-P",
        "correlation_id": facts.correlation_id,
    }
    return Send(record=record, ordering=f"project:{facts.reference}")


def link_deal(facts: Facts) -> Prepared:
    deal = facts.subject
    if not facts.result("project").ref:
        return Skip("No project was created, so there is nothing to link.")
    record = {
        "project_id": facts.result("project").ref,
        "erp_customer_code": customer_number(facts),
        "correlation_id": facts.correlation_id,
    }
    return Send(
        record=record, ref=str(deal["source_id"]), ordering=f"opportunity:{deal['source_id']}"
    )


def _template(facts: Facts) -> project_templates.Template:
    """What a deal is set up by: nothing before that is known, all there may be in general."""
    method, checked = facts.subject.get("billing_method"), facts.result("check").values
    shipped = project_templates.SHIPPED.values()
    usual = next((one for one in shipped if one["billing_method"] == method), {})
    if not facts.reference:
        return usual
    if checked and project_templates.FIELD not in checked:
        return {**usual, "roles": []}  # begun before templates were agreed on
    found: project_templates.Template = checked.get(project_templates.FIELD, {})
    return found


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """The route; its template adds a step for each milestone, and one for each role."""
    template = _template(facts)
    milestones = fixed_fee.steps(template.get("milestones", ()))
    set_up = ("project", *(step.name for step in milestones))
    requests = staffing_requests.steps(template.get("roles", ()), set_up)
    linked_after = ("client-link", *set_up, *(step.name for step in requests))
    return (
        CHECK,
        READ_CLIENT,
        CREATE_CUSTOMER,
        LINK_CLIENT,
        CREATE_PROJECT,
        *milestones,
        *requests,
        StepDefinition(
            name="link",
            title="Write the links back to the deal",
            role="crm",
            entity="opportunity",
            verb="update",
            needs=linked_after,
            mapping="deal-links-to-crm",
            prepare=link_deal,
            differs=agreement.link_differs,
            owner_role="pmo_lead",
        ),
    )


CHECK = StepDefinition(
    name="check",
    title="Check the deal",
    prepare=checked_deal.check,
    owner_role="pmo_lead",
    consults="sold",
)
READ_CLIENT = StepDefinition(
    name="client",
    title="Read the client",
    role="crm",
    entity="customer",
    verb="get",
    needs=("check",),
    prepare=read_client,
)
CREATE_CUSTOMER = StepDefinition(
    name="customer",
    title="Validate or create the customer",
    role="erp",
    entity="customer",
    verb="upsert",
    needs=("client",),
    mapping="customer-to-erp",
    probe_first=True,
    prepare=create_customer,
    owner_role="steward",
)
LINK_CLIENT = StepDefinition(
    name="client-link",
    title="Write the customer number back to the client",
    role="crm",
    entity="customer",
    verb="update",
    needs=("customer",),
    mapping="customer-number-to-crm",
    prepare=link_client,
    differs=agreement.number_differs,
    owner_role="steward",
)
CREATE_PROJECT = StepDefinition(
    name="project",
    title="Create the project from its template",
    role="psa",
    entity="project",
    verb="upsert",
    needs=("customer",),
    mapping="project-to-psa",
    prepare=create_project,
    differs=agreement.project_differs,
    owner_role="pmo_lead",
    editable=(
        Editable(name="name", title="Project name", longest=80),
        Editable(name="start_date", title="Start", holds=Holds.DAY),
        Editable(name="end_date", title="End", holds=Holds.DAY),
        Editable(name="po_number", title="Purchase order", longest=60),
    ),
)

PROCESS = Process(
    name="opportunity-to-project",
    title="Opportunity to project",
    starts_on=(OPPORTUNITY_WON,),
    promise=timedelta(hours=8),
    exposure="unbilled",
    stage="Deal won",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_deal,
    steps=steps,
    begins=quote_to_cash.DEAL,
    reaches=quote_to_cash.PROJECT,
    taken_back_by=deal_taken_back.PROCESS.name,
    expects=(
        quote_to_cash.CONTRACT,
        quote_to_cash.WORKSPACE,
        quote_to_cash.STAFFED,
        quote_to_cash.TIME,
    ),
)
