"""Facts to analytics: what is verified everywhere is shown by the dashboards, to the cent.

A transaction of another workflow is verified → its fact is merged into the warehouse by its own
reference → the dashboards' dataset is refreshed after that, one refresh for all that wait for it.

Freshness is promised by period: the figures of a month that its company has not closed are steered
by, and shown within hours; those of a closed one within a day. What is not shown by the end of the
next day needs the controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from controltower.canonical.calendar import spoken_month
from controltower.canonical.events import FACT_VERIFIED, BusinessKey, CanonicalEvent
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
from controltower.processes.quote_to_cash import FIGURES

CLOSED_MONTH = timedelta(hours=24)
"""The promise for figures of a month that its company has closed."""


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, Fact)


def promise_of(period: str, entity: Entity | None) -> timedelta:
    """How soon after its verification a fact of that month is shown."""
    closed = entity is not None and period in entity.closed_periods
    return CLOSED_MONTH if closed else PROCESS.promise


def open_figures(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    """No money hangs on it: the fact's own transaction has moved it."""
    fact = event.record
    assert isinstance(fact, Fact)
    length = promise_of(fact.period, entities.get(fact.entity))
    return Opening(
        title=f"Figures of {spoken_month(fact.period)}: {fact.name}",
        counterparty="",
        entity=fact.entity,
        amount="0",
        currency=fact.currency,
        keys=(
            BusinessKey("fact", fact.source_id),
            BusinessKey("period", f"{fact.entity} {fact.period}"),
        ),
        due=event.time + length,
        promise=None if length == PROCESS.promise else length,
    )


def load_fact(facts: Facts) -> Prepared:
    reference = str(facts.subject["source_id"])
    return Send(
        record={**facts.subject, "reference": reference},
        find={"reference": reference},
        ordering=f"fact:{reference}",
    )


def refresh(facts: Facts) -> Prepared:
    """The dashboards must have read the warehouse after it had the fact."""
    wanted = {"since": facts.result("load").values["loaded_at"]}
    return Send(record=wanted, find=wanted)


ROUTE = (
    StepDefinition(
        name="load",
        title="Load the fact into the warehouse",
        role="warehouse",
        entity="fact",
        verb="upsert",
        mapping="fact-to-warehouse",
        prepare=load_fact,
        differs=agreement.fact_differs,
        owner_role="controller",
    ),
    StepDefinition(
        name="refresh",
        title="Bring the dashboards up to date",
        role="dashboards",
        entity="dataset",
        verb="refresh",
        needs=("load",),
        prepare=refresh,
        differs=agreement.figures_differ,
        owner_role="controller",
    ),
)


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return ROUTE


PROCESS = Process(
    name="facts-to-analytics",
    title="Facts to analytics",
    starts_on=(FACT_VERIFIED,),
    promise=timedelta(hours=4),
    exposure="figures",
    stage="Fact verified",
    owner_role="controller",
    accepts=accepts,
    open=open_figures,
    steps=steps,
    reaches=FIGURES,
    owes=(FIGURES,),
)
