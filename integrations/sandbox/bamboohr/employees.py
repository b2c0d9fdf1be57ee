"""The pretend account's people, and how their records look on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.sandbox.firm import ENTITIES, PEOPLE, RATE_CARDS, SKILLS, Person
from integrations.sandbox.store import Document

ANSWERED_FIELDS = frozenset(
    {
        "id", "employeeNumber", "firstName", "lastName", "workEmail", "jobTitle", "department",
        "location", "status", "hireDate", "terminationDate", "lastChanged", "customLegalEntity",
        "customSkills", "customCostRate", "customTowerReference", "customWeeklyHours",
    }
)  # fmt: skip


COMPANY = "LF-US"
"""Whose people this account keeps; the other companies have another HR system."""


def furnished() -> list[dict[str, Any]]:
    """The company's people as the account has them at the beginning."""
    numbered = enumerate(PEOPLE, start=1)
    return [_hired(number, person) for number, person in numbered if person.entity == COMPANY]


def _hired(number: int, person: Person) -> dict[str, Any]:
    entity = next(one for one in ENTITIES if one.code == person.entity)
    first, _, last = person.name.partition(" ")
    cost = RATE_CARDS[entity.currency][person.role].cost
    return {
        "employeeNumber": f"LF-{number:04d}",
        "firstName": first,
        "lastName": last,
        "workEmail": person.email,
        "jobTitle": person.role,
        "department": "Advisory",
        "location": entity.city,
        "status": "Active",
        "hireDate": f"20{10 + number % 15:02d}-{1 + number % 12:02d}-01",
        "terminationDate": "0000-00-00",
        "customLegalEntity": entity.code,
        "customSkills": ", ".join(SKILLS[person.role]),
        "customCostRate": {"value": str(cost), "currency": entity.currency},
        "customTowerReference": None,
        "customWeeklyHours": "40",
    }


def shown(employee: Document, fields: list[str]) -> dict[str, Any]:
    """The fields that were asked for; unknown ones are left out, as the vendor does."""
    everything = {
        **dict.fromkeys(ANSWERED_FIELDS),
        **employee.content,
        "id": employee.id,
        "lastChanged": stamp(employee.changed),
    }
    return {"id": employee.id} | {name: everything[name] for name in fields if name in everything}


def change_of(employee: Document) -> dict[str, Any]:
    """The entry of a change list."""
    action = "Inserted" if employee.version == 1 else "Updated"
    return {
        "id": employee.id,
        "action": "Deleted" if employee.gone else action,
        "lastChanged": stamp(employee.changed),
    }


def notice_of(employee: Document, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a field-based webhook, with every field posted."""
    change = change_of(employee)
    actions = {"Inserted": "Created"}
    notice = {
        "id": employee.id,
        "action": actions.get(change["action"], change["action"]),
        "timestamp": change["lastChanged"],
        "changedFields": sorted(changed),
        "fields": {},
    }
    if not employee.gone:
        posted = shown(employee, sorted(ANSWERED_FIELDS))
        notice["fields"] = {name: {"value": value} for name, value in posted.items()}
    return notice


def stamp(moment: datetime) -> str:
    """A time as the vendor writes it: whole seconds."""
    return moment.isoformat(timespec="seconds")
