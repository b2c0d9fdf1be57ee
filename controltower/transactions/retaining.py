"""What a retainer has billed each month is a fact of its own, told by the tower to its own inbox.

A month is told under one name, made of the signed contract and the month, so that it is billed once
whatever happens: however often this runs, and however long it stood still. The month is that of the
company's own calendar and zone.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from controltower.canonical.events import RETAINER_DUE, BusinessKey, CanonicalEvent
from controltower.canonical.records import Project, RetainerMonth
from controltower.canonical.wire import to_json
from controltower.processes import (
    contract_terms,
    opportunity_to_project,
    quote_to_cash,
    retained_work,
)
from controltower.transactions import contracts, intake
from controltower.transactions.models import Expectation, InboundEvent, Step
from controltower.transactions.protocol import State
from controltower.transactions.world import entities


def tell(*, now: datetime) -> int:
    """Tell of each month whose fee is to be billed by now and was not yet; returns how many."""
    events = {event.id: event for event in _due(now)}
    known = InboundEvent.objects.filter(type=RETAINER_DUE, event_id__in=list(events))
    for event_id in known.values_list("event_id", flat=True):
        events.pop(event_id, None)
    facts = [
        (json.dumps(to_json(event.record), sort_keys=True).encode(), event)
        for event in events.values()
    ]
    return len(intake.receive(facts=facts, signature="polled", now=now).stored) if facts else 0


def _due(now: datetime) -> Iterator[CanonicalEvent]:
    firm = entities()
    signed = Expectation.objects.filter(milestone=quote_to_cash.CONTRACT.name)
    retained = signed.exclude(met_by_event=None).exclude(met_by_event__record__retainer="0")
    for row in retained.select_related("met_by_event").order_by("pk"):
        assert row.met_by_event is not None
        contract = dict(row.met_by_event.record)
        if contract_terms.unread(contract) or not contracts.has_retainer(contract):
            continue
        project = _project(row.correlation_id)
        if project is None or project.transaction.entity is None:
            continue
        today = firm[project.transaction.entity.code].today(now)
        for month in retained_work.months_due(contract, today):
            yield _event(contract, project, month, now)


def _project(chain: str) -> Step | None:
    """The step that has set a deal's project up."""
    made = Step.objects.select_related("transaction__entity", "system").filter(
        transaction__correlation_id=chain,
        transaction__process=opportunity_to_project.PROCESS.name,
        name="project",
        state=State.VERIFIED,
    )
    return made.order_by("done_at").first()


def _event(contract: Mapping[str, Any], made: Step, month: str, now: datetime) -> CanonicalEvent:
    """The fact, as told by the PSA that has the project: what comes of it is told there."""
    assert made.system is not None
    project, number = _as_made(made), str(contract["number"] or contract["name"])
    named = f"{contract['source_id']} {month}"
    record = RetainerMonth(
        source_id=named,
        name=f"Retainer {month} of {project.name}",
        entity=project.entity,
        number=f"{number} {month}",
        project=project,
        project_id=project.source_id,
        currency=str(contract["currency"]),
        amount=Decimal(contract["retainer"]),
        on=_booked_on(month, contract),
        retainer_month=month,
        contract=number,
    )
    return CanonicalEvent(
        id=f"retainer:{named}",
        type=RETAINER_DUE,
        source=f"{made.system.connection}/{RETAINER_DUE}",
        subject=f"retainer:{named}",
        time=now,
        version=month,
        record=record,
        keys=(BusinessKey("retainer", record.number),),
        correlation_id=project.correlation_id,
    )


def _as_made(made: Step) -> Project:
    """The project, as its deal has it."""
    deal, entity = made.transaction.subject, made.transaction.entity
    return Project(
        source_id=made.ref,
        name=str(deal["name"]),
        entity=entity.code if entity else "",
        customer_id=str(deal["customer_id"]),
        customer_name=str(deal["customer_name"]),
        opportunity_id=str(deal["source_id"]),
        po_number=str(deal.get("po_number") or ""),
        currency=str(deal["currency"]),
        correlation_id=made.transaction.correlation_id,
    )


def _booked_on(month: str, contract: Mapping[str, Any]) -> date:
    """The first day of a month that is billed in advance, the last of one billed in arrears."""
    first = date.fromisoformat(f"{month}-01")
    if contract["retainer_billed"] == retained_work.ARREARS:
        return first.replace(day=monthrange(first.year, first.month)[1])
    return first
