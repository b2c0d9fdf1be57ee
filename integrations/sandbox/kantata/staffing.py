"""Resources of workspaces and their allocations, and what the account knows of its users."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from integrations.sandbox.bamboohr import employees
from integrations.sandbox.firm import PEOPLE, RATE_CARDS, SKILLS, Person
from integrations.sandbox.kantata.invalid import Invalid
from integrations.sandbox.store import Document, Store


def known(number: int, person: Person) -> dict[str, str]:
    """The custom fields of a user: the firm's number, and the HR system's id where that is known
    here."""
    at_home = [one for one in PEOPLE if one.entity == employees.COMPANY]
    hr_id = str(at_home.index(person) + 1) if person in at_home else ""
    fields = {"Employee number": f"LF-{number:04d}", "Legal entity": person.entity, "HR ID": hr_id}
    return {name: value for name, value in fields.items() if value}


def resourced(store: Store, workspace: Document, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A new resource of a workspace, with the rates of its role. Raises Invalid."""
    try:
        user = store.get("users", str(fields["user_id"]))
        role = store.get("roles", str(fields.get("role_id") or user.content["role_id"]))
    except KeyError as problem:
        raise Invalid("user_id", f"{problem} cannot be found") from None
    card = RATE_CARDS.get(str(workspace.content["currency"]), RATE_CARDS["USD"])
    rates = card[str(role.content["name"])]
    return {
        **fields,
        "role_id": role.id,
        "role_name": role.content["name"],
        "full_name": user.content["full_name"],
        "resource_bill_rate": str(rates.bill),
        "resource_cost_rate": str(rates.cost),
    }


def allocated(store: Store, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A new allocation of a resource. Raises Invalid."""
    given = dict(fields)
    try:
        resource = store.get("workspace_resources", str(given.pop("resource_id")))
    except KeyError:
        raise Invalid("resource_id", "Resource can't be found") from None
    if str(given["start_date"]) > str(given["end_date"]):
        raise Invalid("end_date", "End date must be after start date")
    of = {"workspace_resource_id": resource.id, "workspace_id": resource.content["workspace_id"]}
    return {**given, **of}


def wanted_place(role: str, day: date, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What people ask for on a day when they staff somebody: `from`, `to`, `hours`, `hard`,
    `skills`."""
    starts = str(wanted.get("from") or day + timedelta(days=7))
    ends = str(wanted.get("to") or date.fromisoformat(starts) + timedelta(days=60))
    skills = wanted.get("skills", SKILLS[role][0])
    return {
        "start_date": starts,
        "end_date": ends,
        "minutes": int(Decimal(str(wanted.get("hours", "120"))) * 60),
        "hard": wanted.get("hard", False) in (True, "true"),
        "skills": [one.strip() for one in str(skills).split(",") if one.strip()],
    }
