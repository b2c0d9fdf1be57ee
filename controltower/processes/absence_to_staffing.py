"""Absence to staffing: approved leave is held against the places that somebody has already.

Leave approved in an HR system → the person there → their places in the PSA → all their approved
leave over these places' days → nothing, or hours that nobody will work, which the PMO lead is asked
about. Leave that is withdrawn ends it by itself. Why somebody is on leave is never said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.events import ABSENCE_CHANGED, BusinessKey, CanonicalEvent
from controltower.canonical.money import Money
from controltower.canonical.records import Absence
from controltower.canonical.verdicts import Kind
from controltower.processes import availability
from controltower.processes.definition import (
    Entity,
    Facts,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    Skip,
    StepDefinition,
)

NO_PLACE = "The person has no place on those days."


def accepts(event: CanonicalEvent) -> bool:
    leave = event.record
    return isinstance(leave, Absence) and leave.approved and bool(leave.from_date and leave.to_date)


def open_leave(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    """Named by its days alone."""
    leave = event.record
    assert isinstance(leave, Absence)
    entity = entities.get(leave.entity)
    days = str(leave.from_date)
    if leave.to_date != leave.from_date:
        days += f" to {leave.to_date}"
    return Opening(
        title=f"Leave {days}",
        counterparty="",
        entity=leave.entity if entity else "",
        amount="0",
        currency=entity.currency if entity else "",
        keys=(BusinessKey("absence", leave.source_id), BusinessKey("resource", leave.resource_id)),
        due=now + PROCESS.promise,
    )


def read_worker(facts: Facts) -> Prepared:
    leave, entity = facts.subject, facts.entity
    if entity is None:
        company = leave["entity"] or "no company"
        text = f"Leave is told of somebody with “{company}”, which is no company of ours."
        return Refuse(Kind.REFERENCE_MISSING, text, "entity")
    if date.fromisoformat(str(leave["to_date"])) < entity.today(facts.now):
        return Skip("The leave is over.")
    return Send(ref=str(leave["resource_id"]))


def read_places(facts: Facts) -> Prepared:
    number = str(facts.result("worker").values.get("number") or "")
    return Send(ref=number) if number else Skip("There is nobody whom the PSA could know.")


def read_leave(facts: Facts) -> Prepared:
    """All leave over the days of the places that this one touches, not only this one."""
    spans = [availability.span_of(place) for place in touched(facts)]
    known = [span for span in spans if span]
    if not known:
        return Skip(NO_PLACE)
    first, last = min(span[0] for span in known), max(span[1] for span in known)
    return Send(ref="\n".join((str(facts.subject["resource_id"]), str(first), str(last))))


def judge(facts: Facts) -> Prepared:
    """What of the places cannot be worked any more, in hours and at their rates."""
    entity, places = facts.entity, touched(facts)
    if entity is None or not places:
        return Learn(text=NO_PLACE)
    number = str(facts.result("worker").values["number"])
    found = [(one, availability.refusal(number, one, _left(facts, one), entity)) for one in places]
    short = [(place, refused) for place, refused in found if refused]
    if not short:
        return Learn(text="Every place can still be filled.")
    worth = sum((_worth(facts, place, entity) for place, _ in short), Decimal(0))
    names = ", ".join(f"“{place['project']}”" for place, _ in short)
    text = (
        f"Leave of {number} was approved, but they are scheduled on {names}."
        f" {' '.join(refused.text for _, refused in short)} Change the place in the PSA, or have"
        " the leave moved, then replay."
    )
    return Refuse(Kind.CONFLICT, text, "from_date", worth=worth, exposure=UNSTAFFED)


def touched(facts: Facts) -> Sequence[Mapping[str, Any]]:
    """The scheduled places of which the leave takes a day. One that is not planned in hours is
    weighed from the leave on: what of it is over was worked."""
    leave = facts.subject
    first, last = str(leave["from_date"]), str(leave["to_date"])
    return [
        place if Decimal(str(place["hours"])) else place | {"from_date": max(str(begins), first)}
        for place in facts.result("places").values.get("places", ())
        if place["status"] == availability.SCHEDULED
        and (begins := place["from_date"])
        and str(begins) <= last
        and str(place["to_date"] or last) >= first
    ]


def _worth(facts: Facts, place: Mapping[str, Any], entity: Entity) -> Decimal:
    """This leave's own part of what is missing, at the place's rate, so that the days of several
    leaves are not counted twice; nothing where the rate is in another currency than the company's.
    """
    if place["currency"] != entity.currency:
        return Decimal(0)
    worker, calendar = facts.result("worker").values, entity.calendar
    own = availability.of(place, worker, places=(), absences=[facts.subject], calendar=calendar)
    short = availability.missing(place, _left(facts, place), entity.staffing_tolerance)
    return Money.of(min(short, own.leave) * Decimal(str(place["rate"])), entity.currency).amount


def _left(facts: Facts, place: Mapping[str, Any]) -> availability.Availability:
    """What the person has for a place, beside all others and all leave."""
    entity = facts.entity
    assert entity is not None
    return availability.of(
        place,
        facts.result("worker").values,
        places=facts.result("places").values["places"],
        absences=facts.result("leave").values.get("absences", ()),
        calendar=entity.calendar,
    )


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return ROUTE


ROUTE = (
    StepDefinition(
        name="worker",
        title="Read the person in the HR system",
        role="hris",
        entity="resource",
        verb="get",
        prepare=read_worker,
        owner_role="steward",
    ),
    StepDefinition(
        name="places",
        title="Read the person's places in the PSA",
        role="psa",
        entity="workload",
        verb="get",
        needs=("worker",),
        prepare=read_places,
    ),
    StepDefinition(
        name="leave",
        title="Read all leave on the places' days",
        role="hris",
        entity="availability",
        verb="get",
        needs=("places",),
        prepare=read_leave,
        owner_role="steward",
    ),
    StepDefinition(
        name="judge",
        title="Hold the leave against the places",
        needs=("leave",),
        prepare=judge,
        owner_role="pmo_lead",
    ),
)
UNSTAFFED = "unstaffed"

PROCESS = Process(
    name="absence-to-staffing",
    title="Absence to staffing",
    starts_on=(ABSENCE_CHANGED,),
    promise=timedelta(hours=4),
    exposure=UNSTAFFED,
    stage="Leave approved",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_leave,
    steps=steps,
    every_change=True,
)
