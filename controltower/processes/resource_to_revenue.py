"""Resource to revenue: a place on a project is held against what the HR system says of the person.

Assignment made in the PSA → the person in the PSA → the same person in the company's HR system →
their other places and their approved leave over its days → turned down in the PSA with its reason,
or scheduled with the rates that its time will be billed and costed at. Whoever was turned down
waits for the PMO lead: the place is changed in the PSA, or the person in the HR system.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from controltower.canonical.events import ASSIGNMENT_CHANGED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Assignment, ResourceStatus
from controltower.canonical.verdicts import Kind
from controltower.processes import agreement, availability, quote_to_cash
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

SCHEDULED, TURNED_DOWN = availability.SCHEDULED, "Rejected"


def accepts(event: CanonicalEvent) -> bool:
    """A place that somebody has on a project; one that was ended or cancelled is nobody's."""
    place = event.record
    if not isinstance(place, Assignment) or place.project is None or place.over:
        return False
    return bool(place.project_id and place.resource_id)


def open_place(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    place = event.record
    assert isinstance(place, Assignment)
    assert place.project is not None
    keys = (
        BusinessKey("assignment", place.source_id),
        BusinessKey("project", place.project_id),
    )
    return Opening(
        title=f"Place on {place.project.name}",
        counterparty=place.project.customer_name,
        entity=place.entity if place.entity in entities else "",
        amount="0",
        currency=place.currency,
        keys=keys,
        due=now + PROCESS.promise,
    )


def read_person(facts: Facts) -> Prepared:
    return Send(ref=str(facts.subject["resource_id"]))


def read_worker(facts: Facts) -> Prepared:
    """Ask for whom the PSA and the HR system both know, and whose company sells the project."""
    person, company = facts.result("person").values, facts.subject["entity"]
    number = str(person.get("number") or "The person")
    if not person.get("active"):
        return Refuse(Kind.VALIDATION, f"{number} cannot be staffed any more.", "resource_id")
    if not company or person.get("entity") != company:
        text = (
            f"{number} is employed by {person.get('entity') or 'no company of ours'}, but the"
            f" project is {company or 'nobody'}’s: no price between companies is agreed. Staff"
            " somebody of the project's company."
        )
        return Refuse(Kind.VALIDATION, text, "resource_id")
    if not person.get("hr_id"):
        text = (
            f"{number} has no HR record in the PSA, so nobody knows what they can do. Let the"
            " resource master sync carry them over, then replay."
        )
        return Refuse(Kind.REFERENCE_MISSING, text, "resource_id")
    return Send(ref=str(person["hr_id"]))


def read_places(facts: Facts) -> Prepared:
    """What else they are scheduled for, by the firm's number, where that can matter."""
    if not Decimal(str(facts.subject["hours"])):
        return Skip("The place is not planned in hours.")
    return Send(ref=str(facts.result("person").values["number"]))


def read_leave(facts: Facts) -> Prepared:
    span = availability.span_of(facts.subject)
    if span is None:
        return Skip("The place has no days yet.")
    hr_id = str(facts.result("person").values["hr_id"])
    return Send(ref="\n".join((hr_id, *map(str, span))))


def turn_down(facts: Facts) -> Prepared:
    """Tell the PSA, where the place was made, before anybody is asked to decide."""
    fault = fault_of(facts)
    if fault is None:
        return Skip("Nothing speaks against it.")
    return _answer(facts, TURNED_DOWN, fault.text)


def judge(facts: Facts) -> Prepared:
    """What the place is expected to bring and to cost an hour, or why nobody may work on it."""
    if fault := fault_of(facts):
        return fault
    rates = {"rate": str(facts.subject["rate"]), "currency": facts.subject["currency"]}
    worker = facts.result("worker").values
    costs = {"cost_rate": str(worker["cost_rate"]), "cost_currency": worker["currency"]}
    return Learn(rates | costs)


def schedule(facts: Facts) -> Prepared:
    return _answer(facts, SCHEDULED, "")


def _answer(facts: Facts, status: str, reason: str) -> Send:
    """The PSA costs time in the project's currency: a cost in another is left to its own rates."""
    place, worker = facts.subject, facts.result("worker").values
    record = {"status": status, "reason": reason, "correlation_id": facts.correlation_id}
    if status == SCHEDULED and worker["currency"] == place["currency"]:
        record["cost_rate"] = str(worker["cost_rate"])
    ref = str(place["source_id"])
    return Send(record=record, ref=ref, ordering=f"assignment:{ref}")


def fault_of(facts: Facts) -> Refuse | None:
    """Why the person cannot have the place, the first reason there is; None when nothing speaks
    against it. Nobody is named but by the firm's number."""
    place, worker = facts.subject, facts.result("worker").values
    number = str(worker["number"])
    return (
        _away(number, place, worker)
        or _unskilled(number, place, worker)
        or _mispriced(number, place, worker)
        or _unavailable(number, facts)
    )


def _away(number: str, place: Mapping[str, Any], worker: Mapping[str, Any]) -> Refuse | None:
    """Not employed for some of the place's days, both of which are included."""
    starts, ends = _day(place.get("from_date")), _day(place.get("to_date"))
    first, last = _day(worker.get("from_date")), _day(worker.get("to_date"))
    gives_notice = worker["status"] == ResourceStatus.LEFT and last is not None
    if worker["status"] != ResourceStatus.ACTIVE and not gives_notice:
        text = f"{number} has left the firm, as the HR system says."
        return Refuse(Kind.VALIDATION, text, "resource_id")
    if first and starts and starts < first:
        text = f"{number} joins on {first}, but the place begins on {starts}."
        return Refuse(Kind.VALIDATION, text, "from_date")
    if last and (ends is None or ends > last):
        text = f"{number} leaves on {last}, but the place goes on" + (
            f" until {ends}." if ends else " without an end."
        )
        return Refuse(Kind.VALIDATION, text, "to_date")
    return None


def _unskilled(number: str, place: Mapping[str, Any], worker: Mapping[str, Any]) -> Refuse | None:
    has = {str(skill).casefold() for skill in worker["skills"]}
    lacks = [skill for skill in place["skills"] if str(skill).casefold() not in has]
    if not lacks:
        return None
    text = f"The place asks for {', '.join(lacks)}, which {number} does not have in the HR system."
    return Refuse(Kind.VALIDATION, text, "skills")


def _mispriced(number: str, place: Mapping[str, Any], worker: Mapping[str, Any]) -> Refuse | None:
    """The rate is the role's: another role, none, or less than the cost is a wrong rate."""
    if place["role"] != worker["role"]:
        text = (
            f"{number} is placed as {place['role'] or 'nothing'}, but is {worker['role']} in the HR"
            " system: the rate would be another role's."
        )
        return Refuse(Kind.VALIDATION, text, "role")
    rate, cost = Decimal(str(place["rate"])), Decimal(str(worker["cost_rate"]))
    currency = place["currency"]
    if rate <= 0:
        return Refuse(Kind.VALIDATION, f"{number} has no rate for an hour on this place.", "rate")
    if currency == worker["currency"] and rate <= cost:
        text = f"An hour of {number} is billed at {rate} {currency}, but costs {cost} {currency}."
        return Refuse(Kind.VALIDATION, text, "rate")
    return None


def _unavailable(number: str, facts: Facts) -> Refuse | None:
    """Fewer hours in the place's days than it asks for, by more than the company tolerates."""
    entity = facts.entity
    assert entity is not None
    has = availability.of(
        facts.subject,
        facts.result("worker").values,
        places=facts.result("places").values.get("places", ()),
        absences=facts.result("leave").values.get("absences", ()),
        calendar=entity.calendar,
    )
    return availability.refusal(number, facts.subject, has, entity)


def _day(value: Any) -> date | None:
    return date.fromisoformat(str(value)) if value else None


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return (PERSON, WORKER, PLACES, LEAVE, TURN_DOWN, JUDGE, SCHEDULE)


PERSON = StepDefinition(
    name="person",
    title="Read the person in the PSA",
    role="psa",
    entity="resource",
    verb="get",
    prepare=read_person,
)
WORKER = StepDefinition(
    name="worker",
    title="Read the person in the HR system",
    role="hris",
    entity="resource",
    verb="get",
    needs=("person",),
    prepare=read_worker,
    owner_role="steward",
)
PLACES = StepDefinition(
    name="places",
    title="Read the person's other places in the PSA",
    role="psa",
    entity="workload",
    verb="get",
    needs=("person", "worker"),
    prepare=read_places,
)
LEAVE = StepDefinition(
    name="leave",
    title="Read the person's leave in the HR system",
    role="hris",
    entity="availability",
    verb="get",
    needs=("worker",),
    prepare=read_leave,
    owner_role="steward",
)
TURN_DOWN = StepDefinition(
    name="turn-down",
    title="Turn the place down in the PSA",
    role="psa",
    entity="assignment",
    verb="update",
    needs=("worker", "places", "leave"),
    mapping="staffing-to-psa",
    prepare=turn_down,
    differs=agreement.place_differs,
)
JUDGE = StepDefinition(
    name="judge",
    title="Hold the place against the HR system",
    needs=("worker", "places", "leave", "turn-down"),
    prepare=judge,
    owner_role="pmo_lead",
)
SCHEDULE = StepDefinition(
    name="schedule",
    title="Schedule the place with its rates",
    role="psa",
    entity="assignment",
    verb="update",
    needs=("judge",),
    mapping="staffing-to-psa",
    prepare=schedule,
    differs=agreement.place_differs,
)

PROCESS = Process(
    name="resource-to-revenue",
    title="Resource to revenue",
    starts_on=(ASSIGNMENT_CHANGED,),
    promise=timedelta(hours=4),
    exposure="unstaffed",
    stage="Person placed",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_place,
    steps=steps,
    reaches=quote_to_cash.STAFFED,
    every_change=True,
)
