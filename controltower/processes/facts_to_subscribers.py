"""Facts to subscribers: whoever subscribes to the firm's events is told what is verified, once.

A transaction of another workflow is verified → an event of its own is published on the broker,
under the transaction's own reference. What one deal brings about is in one partition, in order of
its sequence. Why it goes out by the books and not from the workflows themselves:
`docs/decisions/0030-events-go-out-by-the-books.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from controltower.canonical.events import (
    FACT_ANNOUNCED,
    FACT_VERIFIED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import Fact
from controltower.processes import agreement
from controltower.processes.definition import (
    Entity,
    Facts,
    Opening,
    Prepared,
    Process,
    Send,
    StepDefinition,
)

HAPPENED = {
    "opportunity-to-project": "project.created",
    "time-and-expense-to-billing": "invoice.posted",
    "time-to-cost-reporting": "cost.reported",
    "spend-to-project-cost": "cost.booked",
    "payroll-to-cost-reporting": "labour_cost.reported",
    "project-change-to-forecast": "contract.changed",
}
"""What it means to others that a workflow was verified; of any other they hear that it was."""


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, Fact)


def open_event(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    """No money hangs on it: the fact's own transaction has moved it."""
    fact = event.record
    assert isinstance(fact, Fact)
    return Opening(
        title=f"Event {_said(fact.kind)}: {fact.name}"[:200],
        counterparty="",
        entity=fact.entity,
        amount="0",
        currency=fact.currency,
        keys=(BusinessKey("event", fact.source_id),),
        due=event.time + PROCESS.promise,
    )


def publish(facts: Facts) -> Prepared:
    """All of it follows from the fact, so that every repeat is the same event."""
    fact = facts.subject
    verified = datetime.fromisoformat(str(fact["verified_at"])).isoformat(timespec="microseconds")
    record = {
        **fact,
        "id": fact["source_id"],
        "type": _type_of(str(fact["kind"])),
        "subject": f"{fact['kind']}/{fact['source_id']}",
        "partition": fact["correlation_id"],
        "sequence": verified,
        "time": verified,
    }
    return Send(
        record=record, find={"id": fact["source_id"]}, ordering=f"chain:{fact['correlation_id']}"
    )


def _type_of(kind: str) -> str:
    return HAPPENED.get(kind, FACT_VERIFIED)


def _said(kind: str) -> str:
    """ "invoice posted" of "invoice.posted"."""
    return _type_of(kind).replace(".", " ").replace("_", " ")


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return (PUBLISH,)


PUBLISH = StepDefinition(
    name="publish",
    title="Publish the event on the broker",
    role="broker",
    entity="event",
    verb="upsert",
    mapping="fact-to-broker",
    prepare=publish,
    differs=agreement.event_differs,
)

PROCESS = Process(
    name="facts-to-subscribers",
    title="Facts to subscribers",
    starts_on=(FACT_ANNOUNCED,),
    promise=timedelta(hours=1),
    exposure="untold",
    stage="Fact verified",
    owner_role="operator",
    accepts=accepts,
    open=open_event,
    steps=steps,
)
