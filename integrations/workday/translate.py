"""Workers and their days off in canonical words.

A report leaves out a column that is empty, so a person's end, e-mail, skills, place, cost or weekly
hours may be missing; every other column must be there.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

from controltower.canonical.events import (
    ABSENCE_CHANGED,
    RESOURCE_CHANGED,
    BusinessKey,
    CanonicalEvent,
)
from controltower.canonical.records import Absence, Record, Resource, ResourceStatus
from integrations import exact_json
from integrations.connector import Change
from integrations.shape import (
    Row,
    amount,
    amount_text,
    choice,
    day,
    listed,
    moment,
    required,
    text,
)

_STATUS = {
    "Active": ResourceStatus.ACTIVE,
    "On Leave": ResourceStatus.ACTIVE,
    "Terminated": ResourceStatus.LEFT,
}
_APPROVED = {"Approved": True, "Submitted": False, "Denied": False, "Canceled": False}
_IN_HOURS = {"Hours": True, "Days": False}
_MAY_BE_MISSING = dict.fromkeys(
    (
        "Email",
        "Skills",
        "Location",
        "Cost_Rate",
        "Cost_Currency",
        "Scheduled_Weekly_Hours",
        "Termination_Date",
    )
)


def resource(row: Row) -> Resource:
    """A row of the workers' report. Raises Drift."""
    row = {**_MAY_BE_MISSING, **row}
    skills = [] if row["Skills"] is None else listed(row, "Skills")
    return Resource(
        source_id=required(row, "Workday_ID"),
        number=required(row, "Employee_ID"),
        name=f"{text(row, 'First_Name')} {text(row, 'Last_Name')}".strip(),
        email=text(row, "Email"),
        entity=text(row, "Company"),
        role=text(row, "Business_Title"),
        skills=tuple(required(skill, "Skill") for skill in skills),
        location=text(row, "Location"),
        cost_rate=amount_text(row, "Cost_Rate"),
        currency=text(row, "Cost_Currency"),
        weekly_hours=amount_text(row, "Scheduled_Weekly_Hours"),
        from_date=day(row, "Hire_Date"),
        to_date=day(row, "Termination_Date"),
        valid_from=day(row, "Effective_Date"),
        status=choice(row, "Worker_Status", _STATUS),
    )


def absence(row: Row) -> Absence:
    """A row of the report of days off: one day of one worker. Raises Drift."""
    row = {"Company": None, **row}
    worker = required(row, "Worker_ID")
    return Absence(
        source_id=f"{worker}:{required(row, 'Time_Off_ID')}",
        entity=text(row, "Company"),
        resource_id=worker,
        kind=text(row, "Time_Off_Type"),
        approved=choice(row, "Status", _APPROVED),
        from_date=day(row, "Date"),
        to_date=day(row, "Date"),
        hours=_hours(amount_text(row, "Quantity"), choice(row, "Unit", _IN_HOURS)),
    )


def day_off(worker: str, company: str, row: Row) -> Absence:
    """The same day as the REST interface shows it of a worker of some company. Raises Drift."""
    return Absence(
        source_id=f"{worker}:{required(row, 'id')}",
        entity=company,
        resource_id=worker,
        kind=text(row, "timeOffType.descriptor"),
        approved=choice(row, "status.descriptor", _APPROVED),
        from_date=day(row, "date"),
        to_date=day(row, "date"),
        hours=_hours(amount(row, "quantity"), choice(row, "unit.descriptor", _IN_HOURS)),
    )


def stamp(row: Row) -> datetime:
    """When a row was last changed, UTC. Raises Drift."""
    return moment(row, "Last_Updated")


def version(row: Row) -> str:
    """The same as text that sorts by time. Raises Drift."""
    return stamp(row).astimezone(UTC).isoformat(timespec="milliseconds")


def worker_changed(source: str, row: Row) -> Change:
    """The fact that a row of the workers' report tells. Raises Drift."""
    found = resource(row)
    keys = (BusinessKey("resource", found.source_id), BusinessKey("employee number", found.number))
    return _change(source, "resource", RESOURCE_CHANGED, found, keys, row)


def absence_changed(source: str, row: Row) -> Change:
    """The fact that a row of the report of days off tells. Raises Drift."""
    found = absence(row)
    keys = (BusinessKey("absence", found.source_id), BusinessKey("resource", found.resource_id))
    return _change(source, "absence", ABSENCE_CHANGED, found, keys, row)


def _change(
    source: str, entity: str, kind: str, found: Record, keys: tuple[BusinessKey, ...], row: Row
) -> Change:
    """Its id is made of what it says: a row that was only touched makes no new fact."""
    said = exact_json.encode(found.as_dict()).encode()
    event = CanonicalEvent(
        id=f"{entity}:{found.source_id}:{hashlib.blake2b(said, digest_size=8).hexdigest()}",
        type=kind,
        source=f"{source}/{entity}",
        subject=f"{entity}:{found.source_id}",
        time=stamp(row),
        version=version(row),
        record=found,
        keys=keys,
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def _hours(quantity: Decimal, in_hours: bool) -> Decimal:
    return quantity if in_hours else Decimal(0)
