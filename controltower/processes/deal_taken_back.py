"""Deal taken back: a deal that was won is won no longer, and something rests on it.

The CRM shows it re-opened, lost or deleted → the tower's own books say what was made of it: its
project, what is billed, what is on its way. Nothing of that is undone by itself. Where something
rests on it somebody must see to it, with all that the deal was worth; won again, it ends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.events import OPPORTUNITY_WON, BusinessKey, CanonicalEvent
from controltower.canonical.records import Opportunity
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
)

UNBILLED = "unbilled"
MOST_NAMED = 4
"""How many invoices are named one by one."""


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, Opportunity) and not event.record.won


def terms(deal: Mapping[str, Any]) -> object:
    """What counts of a deal once its loss was dealt with: what has become of it."""
    return deal["won"], deal["stage"]


def open_loss(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    deal = event.record
    assert isinstance(deal, Opportunity)
    return Opening(
        title=f"{deal.name}, taken back",
        counterparty=deal.customer_name,
        entity=deal.entity if deal.entity in entities else "",
        amount=str(deal.amount),
        currency=deal.currency,
        keys=(BusinessKey("opportunity", deal.source_id),),
        due=now + PROCESS.promise,
    )


def look(facts: Facts) -> Prepared:
    """What rests on the deal, and what it was worth when it was won."""
    deal, resting = facts.subject, facts.books
    if not resting:
        return Learn({}, "Nothing rests on the deal.", worth=Decimal(0))
    found = "; ".join(_resting(resting)) or "A customer of the ERP alone"
    text = (
        f"The deal is not won any more: the CRM shows it as “{deal['stage']}”. On it rest: {found}."
        " Win it again in the CRM if that was a slip: this ends by itself. Else close the project,"
        " have credited what is not owed, and settle this."
    )
    return Refuse(Kind.CONFLICT, text, "stage", Decimal(str(resting["worth"])), UNBILLED)


def _resting(resting: Mapping[str, Any]) -> list[str]:
    """Each thing that rests on the deal, in words that stand alone."""
    words, currency = [], resting["currency"]
    if project := resting["project"]:
        words.append(f"Project {project}")
    if resting["setting_up"]:
        words.append("A project that is still being set up")
    if invoices := resting["invoices"]:
        named = ", ".join([*invoices[:MOST_NAMED], *(["…"] if len(invoices) > MOST_NAMED else [])])
        words.append(f"Invoices {named} over {resting['billed']} {currency}")
    if under_way := resting["on_its_way"]:
        words.append(f"Work for {under_way} {currency} on its way to an invoice")
    return words


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return (LOOK,)


LOOK = StepDefinition(
    name="resting",
    title="See what rests on the deal",
    prepare=look,
    owner_role="pmo_lead",
    consults="deal",
)

PROCESS = Process(
    name="deal-taken-back",
    title="Deal taken back",
    starts_on=(OPPORTUNITY_WON,),
    promise=timedelta(hours=8),
    exposure=UNBILLED,
    stage="Deal taken back",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_loss,
    steps=steps,
    every_change=True,
    terms=terms,
)
