"""Quote to cash: the umbrella over a deal's whole chain, under one correlation id.

Deal won → contract signed → project set up → staffed → time approved → invoice posted → cash
applied. The single workflows play the stretches; this one says what must follow what, by when, and
who owns that it has not. Nothing here calls a system: what is missing is watched for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controltower.canonical.events import (
    ASSIGNMENT_CHANGED,
    CONTRACT_SIGNED,
    INVOICE_PAID,
    PAY_INPUT_ANSWERED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import (
    Assignment,
    Contract,
    Invoice,
    PayAnswer,
    Payment,
    Project,
)
from controltower.processes import contract_terms
from controltower.processes.definition import (
    Facts,
    Hold,
    Learn,
    Milestone,
    Prepared,
    StepDefinition,
    Watch,
    Within,
)

DEAL = Milestone(name="deal-won", title="Deal won")
CONTRACT = Milestone(
    name="contract-signed",
    title="Contract signed",
    missing="No signed contract has arrived",
    within=Within(5, working=True),
    owner_role="pmo_lead",
    told_by=("clm", ""),
)
PROJECT = Milestone(
    name="project-set-up",
    title="Project set up",
    missing="A contract is signed, but no won deal has set a project up",
    within=Within(1, working=True),
    owner_role="pmo_lead",
    told_by=("crm", ""),
)
STAFFED = Milestone(
    name="staffed",
    title="Staffed",
    missing="Nobody has been assigned to the project",
    within=Within(10, working=True),
    owner_role="pmo_lead",
    told_by=("psa", "assignment"),
)
TIME = Milestone(
    name="time-approved",
    title="Time approved",
    missing="No work has been approved on the project",
    within=Within(35),
    owner_role="pmo_lead",
    told_by=("psa", ""),
)
INVOICE = Milestone(name="invoice-posted", title="Invoice posted", each=True)
CASH = Milestone(
    name="cash-applied",
    title="Cash applied",
    missing="The client has not paid the invoice",
    within=Within(35),
    owner_role="controller",
    told_by=("erp", "invoice"),
    exposure="cash",
    each=True,
)
"""Net 30, and five days for the bank."""
MILESTONES = (DEAL, CONTRACT, PROJECT, STAFFED, TIME, INVOICE, CASH)
FIGURES = Milestone(
    name="figures-shown",
    title="Figures shown",
    missing="The dashboards do not show this yet, a day after it was verified",
    within=Within(1),
    owner_role="controller",
    told_by=("dashboards", ""),
    exposure="figures",
    each=True,
)
"""No point of the chain: whatever is verified on it is to be seen in the firm's figures."""
WORKSPACE = Milestone(
    name="workspace-ready",
    title="Workspace ready",
    missing="A project was set up, but it has no folder and no channel yet",
    within=Within(1, working=True),
    owner_role="pmo_lead",
    told_by=("psa", "project"),
    exposure="no workspace",
    is_worth_its_chain=False,
)
"""Nor is this: work and money go on without it."""
READABLE = Milestone(
    name="terms-readable",
    title="Contract readable",
    missing="A contract is signed that says what may be billed in a way that cannot be read",
    within=Within(1, working=True),
    owner_role="pmo_lead",
    told_by=("clm", ""),
)
"""No point of the chain either: only a contract that cannot be read waits for one that can."""
PAY_PROCESSED = Milestone(
    name="pay-input-processed",
    title="Pay input processed",
    missing="The payroll provider has not confirmed the hours that it was handed",
    within=Within(2, working=True),
    owner_role="controller",
    told_by=("payroll", "labour_cost"),
    exposure="unpaid cost",
    each=True,
)
"""Of no deal's chain: a pay input is one of its own. A refusal is an answer, too, and an exception
by itself."""
WATCHED = (*MILESTONES, WORKSPACE, FIGURES, READABLE, PAY_PROCESSED)

NOT_PLACED = frozenset({"rejected", "cancelled", "closed lost", "withdrawn"})

MISSING = "missing"
"""The kind of a wait for what others owe us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an event proves: a milestone reached, and those that must follow it. The chain is
    `correlation_id`, or the one in which a transaction has the name `key`. What it `mends` is met
    where it waits, and this takes the place of the proof that was not good enough."""

    reaches: Milestone
    key: BusinessKey
    correlation_id: str = ""
    expects: tuple[Milestone, ...] = ()
    mends: Milestone | None = None


def proof_of(event: CanonicalEvent) -> Proof | None:
    """What an event proves, or None: a place on a project that was turned down proves nothing,
    nor does a payment that leaves something open."""
    match event.record:
        case Contract() as contract if event.type == CONTRACT_SIGNED:
            is_read = not contract_terms.unread(contract.as_dict())
            return Proof(
                reaches=CONTRACT,
                key=BusinessKey("opportunity", contract.opportunity_id),
                correlation_id=event.correlation_id,
                expects=(PROJECT,) if is_read else (PROJECT, READABLE),
                mends=READABLE if is_read else None,
            )
        case Assignment(project=Project() as project) as place if event.type == ASSIGNMENT_CHANGED:
            if place.status.lower() in NOT_PLACED:
                return None
            known = BusinessKey("project", project.source_id)
            return Proof(reaches=STAFFED, key=known, correlation_id=project.correlation_id)
        case PayAnswer() as answer if event.type == PAY_INPUT_ANSWERED:
            return Proof(reaches=PAY_PROCESSED, key=BusinessKey("reference", answer.reference))
        case Invoice() as invoice if event.type == INVOICE_PAID:
            return Proof(reaches=CASH, key=BusinessKey("reference", invoice.reference))
        case Payment(open_amount=rest) as paid if event.type == INVOICE_PAID and rest <= 0:
            return Proof(reaches=CASH, key=BusinessKey("reference", paid.invoice_reference))
    return None


def look(facts: Facts) -> Prepared:
    """What was missing has arrived meanwhile, or its owner must see to it."""
    if arrived := facts.subject.get("arrived"):
        return Learn({"arrived": arrived})
    milestone = named(str(facts.subject["milestone"]))
    return Hold(MISSING, f"{milestone.missing}. Its chain is that of “{facts.subject['name']}”.")


def named(name: str) -> Milestone:
    """The milestone of that name. Raises KeyError."""
    return _BY_NAME[name]


_BY_NAME: Mapping[str, Milestone] = {milestone.name: milestone for milestone in WATCHED}


def steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """One step: the milestone that was not reached in time."""
    milestone = named(str(facts.subject["milestone"]))
    return (
        StepDefinition(
            name=milestone.name,
            title=milestone.title,
            prepare=look,
            owner_role=milestone.owner_role,
        ),
    )


WATCH = Watch(
    name="quote-to-cash",
    title="Quote to cash",
    owner_role="controller",
    steps=steps,
    milestones=WATCHED,
)
