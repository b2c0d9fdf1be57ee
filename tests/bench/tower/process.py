"""A workflow of one outside step, so that the engine and nothing else is measured.

The event's stage chooses the step: "Read" is one call; anything else is a write under its key,
which the engine reads back before it counts as done (two calls, each with intent and result).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zlib import crc32

from controltower.canonical.events import OPPORTUNITY_WON, BusinessKey, CanonicalEvent
from controltower.canonical.records import Opportunity
from controltower.processes.definition import (
    Entity,
    Facts,
    Opening,
    Prepared,
    Process,
    Send,
    StepDefinition,
)

SYSTEMS = 4
READ = "Read"


def system_of(name: str) -> str:
    """Which of the systems plays the step of an event: evenly, and always the same."""
    return f"stub-{crc32(name.encode()) % SYSTEMS}"


def _open(fact: CanonicalEvent, _entities: Mapping[str, Entity], _now: datetime) -> Opening:
    record = fact.record
    assert isinstance(record, Opportunity)
    return Opening(
        title=record.name,
        counterparty=record.customer_name,
        entity="",
        amount=str(record.amount),
        currency=record.currency,
        keys=(BusinessKey("opportunity", record.source_id),),
    )


def _prepare(facts: Facts) -> Prepared:
    subject = facts.subject
    record = {name: subject[name] for name in ("name", "customer_id", "amount", "currency")}
    return Send(record=record, ref=str(subject["source_id"]) if subject["stage"] == READ else "")


def _steps(facts: Facts) -> tuple[StepDefinition, ...]:
    """Of nothing in particular too: by them it is told which parts a workflow needs."""
    subject = {"source_id": "", "stage": "", **facts.subject}
    return (
        StepDefinition(
            name="play",
            title="Tell the stub",
            prepare=_prepare,
            role=system_of(str(subject["source_id"])),
            entity="thing",
            verb="get" if subject["stage"] == READ else "upsert",
        ),
    )


PROCESS = Process(
    name="bench",
    title="The benchmark's process",
    starts_on=(OPPORTUNITY_WON,),
    promise=timedelta(days=1),
    exposure="revenue",
    stage="Deal won",
    owner_role="operator",
    accepts=lambda event: True,
    open=_open,
    steps=_steps,
)
