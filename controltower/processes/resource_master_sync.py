"""Resource master sync: who joins, moves or leaves in an HR system is so in the PSA as well.

A worker told by one of the HR systems → checked → what the PSA has of the person and what still
hangs on them → the PSA's resource, under the firm's own number → ended there once their last day is
over. Changes of place, role and cost count from their day; nobody is ended over open work or before
their last day is over, and nobody is in two HR systems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from controltower.canonical.events import RESOURCE_CHANGED, BusinessKey, CanonicalEvent
from controltower.canonical.records import Resource, ResourceStatus
from controltower.canonical.verdicts import Kind
from controltower.processes import agreement
from controltower.processes.definition import (
    Entity,
    Facts,
    Hold,
    Learn,
    Opening,
    Prepared,
    Process,
    Refuse,
    Send,
    Skip,
    StepDefinition,
)

HANDED_ON = "The person has changed since; the newer change is carried through."


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, Resource)


def open_change(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    """Named by the number: a person's name is nobody's business in a list."""
    worker = event.record
    assert isinstance(worker, Resource)
    keys = [BusinessKey("resource", worker.source_id)]
    if worker.number:
        keys.append(BusinessKey("employee number", worker.number))
    return Opening(
        title=f"Resource {worker.number or worker.source_id}",
        counterparty="",
        entity=worker.entity,
        amount="0",
        currency=worker.currency,
        keys=tuple(keys),
        due=now + PROCESS.promise,
    )


def check_worker(facts: Facts) -> Prepared:
    """What the PSA needs of somebody before it is asked about them."""
    worker, entity = facts.subject, facts.entity
    if worker["status"] == ResourceStatus.REMOVED:
        return Learn({"change": worker["status"]})
    if not worker.get("number"):
        text = "The HR system gives no employee number, by which the PSA knows people."
        return Refuse(Kind.VALIDATION, text, "number")
    if entity is None:
        text = f"{worker['number']} is with “{worker.get('entity')}”, which is no company of ours."
        return Refuse(Kind.REFERENCE_MISSING, text, "entity")
    if worker["status"] == ResourceStatus.LEFT and not worker.get("to_date"):
        text = f"{worker['number']} has left, but the HR system gives no last day."
        return Refuse(Kind.VALIDATION, text, "to_date")
    return _priced(worker, entity)


def _priced(worker: Mapping[str, Any], entity: Entity) -> Prepared:
    number = worker["number"]
    if not worker.get("role"):
        return Refuse(Kind.VALIDATION, f"{number} has no role to be staffed in.", "role")
    if Decimal(str(worker["cost_rate"])) <= 0:
        text = f"{number} has no cost rate, so every margin on their work would be wrong."
        return Refuse(Kind.VALIDATION, text, "cost_rate")
    if worker["currency"] != entity.currency:
        text = (
            f"{number} costs {worker['currency'] or 'an unknown currency'}, but {entity.code} keeps"
            f" its books in {entity.currency}."
        )
        return Refuse(Kind.VALIDATION, text, "currency")
    return Learn({"change": worker["status"]})


def read_standing(facts: Facts) -> Prepared:
    worker = facts.subject
    return Send(ref="\n".join(str(worker.get(k) or "") for k in ("number", "source_id", "email")))


def write_resource(facts: Facts) -> Prepared:
    worker, standing = facts.subject, facts.result("standing").values
    people: Sequence[Mapping[str, Any]] = standing["people"]
    if not facts.items:
        return Skip(HANDED_ON)
    if worker["status"] == ResourceStatus.REMOVED:
        return _removed(worker, people)
    if refusal := _duplicate(worker, people):
        return refusal
    if worker["status"] == ResourceStatus.LEFT:
        if not any(one["active"] for one in people):
            return Skip(f"The PSA does not staff {worker['number']}.")
        if refusal := _open_work(worker, standing):
            return refusal
    elif people and (waits := _not_yet(facts) or _moved(facts)):
        return waits
    has_left = worker["status"] == ResourceStatus.LEFT and not _is_still_here(facts)
    return _kept(facts, active=not has_left)


def end_resource(facts: Facts) -> Prepared:
    """Whoever has a last day is ended once it is over: until then they work, and book their time.
    No HR system tells that a day has passed."""
    worker, written = facts.subject, facts.result("resource").values
    if not facts.items:
        return Skip(HANDED_ON)
    if not (worker.get("to_date") and written.get("active")):
        return Skip("The PSA needs nothing more.")
    entity, last = facts.entity, date.fromisoformat(str(worker["to_date"]))
    assert entity is not None
    if last >= entity.today(facts.now):
        until = datetime.combine(last + timedelta(days=1), time(), ZoneInfo(entity.zone))
        return Hold("schedule", f"Their last day is {last}.", until=until)
    if refusal := _open_work(worker, facts.result("standing").values):
        return refusal
    return _kept(facts, active=False)


def _kept(facts: Facts, *, active: bool) -> Send:
    worker = facts.subject
    record = {
        **worker,
        "hr_id": worker["source_id"],
        "skills": ", ".join(worker["skills"]),
        "active": active,
        "external_id": worker["number"],
        "correlation_id": facts.correlation_id,
    }
    return Send(record=record, ordering=f"resource:{worker['number']}")


def _is_still_here(facts: Facts) -> bool:
    """Whether the last day of somebody who leaves is not over yet, in their company's zone."""
    entity, last = facts.entity, facts.subject["to_date"]
    assert entity is not None
    return date.fromisoformat(str(last)) >= entity.today(facts.now)


def _removed(worker: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> Prepared:
    """A deleted record is no last day: it may have been a mistake, or a duplicate's end."""
    known = [one for one in people if one["active"] and one["hr_id"] == worker["source_id"]]
    if not known:
        return Skip("The PSA does not staff anybody of this HR record.")
    text = (
        f"The HR record of {known[0]['number']} was deleted without a last day. End the person in"
        " the PSA, or restore the HR record, then settle this."
    )
    return Refuse(Kind.CONFLICT, text, "status")


def _duplicate(worker: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> Refuse | None:
    """The same number or address under another HR record: who is who is for a person to say."""
    number, mine = worker["number"], worker["source_id"]
    others = [one for one in people if one["number"] != number or one["hr_id"] not in ("", mine)]
    if not others:
        return None
    text = (
        f"{number} is in the PSA as {others[0]['number'] or 'somebody without a number'} already,"
        " from another HR record. Decide which HR record is this person's; clear the other one's HR"
        " id in the PSA, then replay."
    )
    return Refuse(Kind.DUPLICATE, text, "hr_id")


def _open_work(worker: Mapping[str, Any], standing: Mapping[str, Any]) -> Refuse | None:
    """What would be left lying if the person were ended now."""
    last = str(worker["to_date"])
    beyond = [one for one in standing["assignments"] if not one["to_date"] or one["to_date"] > last]
    weeks = standing["unapproved"]
    if not beyond and not weeks:
        return None
    projects = ", ".join(sorted({str(one["project"]) for one in [*beyond, *weeks]})[:3])
    text = (
        f"{worker['number']} leaves on {last}, but has assignments that go on ({len(beyond)}) and"
        f" weeks of time that nobody has approved ({len(weeks)}): {projects}. Hand over or end them"
        " in the PSA, then replay."
    )
    return Refuse(Kind.CONFLICT, text, "to_date")


def _moved(facts: Facts) -> Refuse | None:
    """Whoever moves to another company takes no places along: no price between companies is
    agreed, and their time would be billed by a company that does not employ them."""
    worker, standing, entity = facts.subject, facts.result("standing").values, facts.entity
    assert entity is not None
    was = str(standing["people"][0].get("entity") or "")
    if was in ("", entity.code):
        return None
    today = entity.today(facts.now).isoformat()
    places = [
        one for one in standing["assignments"] if not one["to_date"] or one["to_date"] >= today
    ]
    weeks = standing["unapproved"]
    if not places and not weeks:
        return None
    projects = ", ".join(sorted({str(one["project"]) for one in [*places, *weeks]})[:3])
    text = (
        f"{worker['number']} moves from {was} to {entity.code}, but has assignments that go on"
        f" ({len(places)}) and weeks of time that nobody has approved ({len(weeks)}): {projects}."
        " Hand over or end them in the PSA, then replay."
    )
    return Refuse(Kind.CONFLICT, text, "entity")


def _not_yet(facts: Facts) -> Hold | None:
    """A new place, role or cost of somebody known counts from its day, in the company's zone."""
    entity, since = facts.entity, facts.subject.get("valid_from")
    assert entity is not None
    if not since or date.fromisoformat(str(since)) <= entity.today(facts.now):
        return None
    day = datetime.combine(date.fromisoformat(str(since)), time(), ZoneInfo(entity.zone))
    return Hold("schedule", f"Counts from {since}.", until=day)


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return (CHECK, STANDING, RESOURCE, ENDED)


CHECK = StepDefinition(
    name="check", title="Check the person", prepare=check_worker, owner_role="steward"
)
STANDING = StepDefinition(
    name="standing",
    title="Ask what the PSA has of the person",
    role="psa",
    entity="standing",
    verb="get",
    needs=("check",),
    prepare=read_standing,
)
RESOURCE = StepDefinition(
    name="resource",
    title="Keep the resource in the PSA",
    role="psa",
    entity="resource",
    verb="upsert",
    needs=("standing",),
    mapping="resource-to-psa",
    prepare=write_resource,
    differs=agreement.resource_differs,
    owner_role="pmo_lead",
)

ENDED = StepDefinition(
    name="ended",
    title="End the resource in the PSA after the last day",
    role="psa",
    entity="resource",
    verb="upsert",
    needs=("standing", "resource"),
    mapping="resource-to-psa",
    prepare=end_resource,
    differs=agreement.resource_differs,
    owner_role="pmo_lead",
)

PROCESS = Process(
    name="resource-master-sync",
    title="Resource master sync",
    starts_on=(RESOURCE_CHANGED,),
    promise=timedelta(hours=4),
    exposure="unstaffed",
    stage="Worker changed",
    owner_role="steward",
    accepts=accepts,
    open=open_change,
    steps=steps,
    every_change=True,
)
