"""The pretend tenant's workers and their days off, and how reports and resources show them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from integrations.sandbox.firm import ENTITIES, PEOPLE, RATE_CARDS, ROLES, SKILLS, Person
from integrations.sandbox.store import Document

COMPANIES = ("LF-DE", "LF-UK")
"""Whose people this tenant keeps; the third company has its own HR system."""
WEEKLY_HOURS = {"LF-DE": "40", "LF-UK": "37.5", "LF-US": "40"}
STAFF = tuple(person for person in PEOPLE if person.entity in COMPANIES)


def hired(number: int, person: Person, since: date) -> dict[str, Any]:
    """A worker as the tenant keeps them; `number` is the firm's own."""
    first, _, last = person.name.partition(" ")
    return {
        "Employee_ID": f"LF-{number:04d}",
        "First_Name": first,
        "Last_Name": last,
        "Email": person.email,
        "Worker_Status": "Active",
        "Hire_Date": since.isoformat(),
        "Termination_Date": "",
        **placed(person.entity, person.role, since),
    }


def placed(company: str, role: str, since: date) -> dict[str, Any]:
    """What a place in a company brings with it from a day on: title, skills, cost. Raises
    KeyError."""
    entity = next((one for one in ENTITIES if one.code == company), None)
    if entity is None:
        raise KeyError(company)
    return {
        "Company": company,
        "Location": entity.city,
        "Business_Title": role,
        "Skills": [{"Skill": skill} for skill in SKILLS[role]],
        "Cost_Rate": str(RATE_CARDS[entity.currency][role].cost),
        "Cost_Currency": entity.currency,
        "Scheduled_Weekly_Hours": WEEKLY_HOURS[company],
        "Effective_Date": since.isoformat(),
    }


def next_role(role: str) -> str:
    """The role above, for a promotion; a partner stays one."""
    return ROLES[max(ROLES.index(role) - 1, 0)]


def day_off(worker: str, company: str, on: date, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """One day off of a worker; `wanted` may say type, quantity, unit, status."""
    return {
        "Worker_ID": worker,
        "Company": company,
        "Date": on.isoformat(),
        "Time_Off_Type": str(wanted.get("type", "Vacation")),
        "Quantity": str(wanted.get("quantity", "8")),
        "Unit": str(wanted.get("unit", "Hours")),
        "Status": str(wanted.get("status", "Approved")),
    }


def wid(kind: str, number: str) -> str:
    """The tenant's own id of a record: 32 hexadecimal digits, as the vendor's are."""
    return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=16).hexdigest()


def worker_row(worker: Document) -> dict[str, Any]:
    """A row of the workers' report; what is empty is left out, as the vendor does."""
    shown = {"Workday_ID": worker.id, **worker.content, "Last_Updated": stamp(worker.changed)}
    return {name: value for name, value in shown.items() if value not in ("", None, [])}


def day_row(day: Document) -> dict[str, Any]:
    """A row of the report of days off."""
    return {"Time_Off_ID": day.id, **day.content, "Last_Updated": stamp(day.changed)}


def summary(worker: Document) -> dict[str, Any]:
    """A worker in a REST collection."""
    content = worker.content
    name = f"{content['First_Name']} {content['Last_Name']}"
    return {"id": worker.id, "descriptor": name, "workerId": content["Employee_ID"]}


def detail(day: Document) -> dict[str, Any]:
    """A day off in a REST collection."""
    content = day.content
    return {
        "id": day.id,
        "date": content["Date"],
        "quantity": Decimal(content["Quantity"]),
        "unit": {"descriptor": content["Unit"]},
        "status": {"descriptor": content["Status"]},
        "timeOffType": {"descriptor": content["Time_Off_Type"]},
    }


def stamp(moment: datetime) -> str:
    """A time as the vendor writes it: milliseconds, UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
