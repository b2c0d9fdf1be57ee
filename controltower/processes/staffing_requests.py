"""Staffing requests: the PSA is asked for each role of a project's template, by name and skill.

Whoever staffs answers them there; that nobody has been assigned is watched by the umbrella
(`quote_to_cash.STAFFED`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from controltower.processes import fixed_fee
from controltower.processes.definition import Facts, Prepared, Send, StepDefinition

ENTITY = "staffing_request"
LENGTH = timedelta(days=120)
"""How long a project is planned for when it is set up."""


def steps(roles: Sequence[Mapping[str, Any]], after: tuple[str, ...]) -> tuple[StepDefinition, ...]:
    """A step for each role, once the project and its milestones are there."""
    return tuple(
        StepDefinition(
            name=f"staffing-{number}",
            title=f"Ask for the role “{role['name']}”",
            role="psa",
            entity=ENTITY,
            verb="upsert",
            needs=after,
            mapping="staffing-request-to-psa",
            prepare=ask(role, number),
            differs=differs,
            owner_role="pmo_lead",
        )
        for number, role in enumerate(roles, start=1)
    )


def ask(role: Mapping[str, Any], number: int) -> Callable[[Facts], Prepared]:
    """The preparation of the n-th request (from 1), for as long as the project is planned."""

    def prepare(facts: Facts) -> Prepared:
        start = fixed_fee.start(facts)
        record = {
            "name": role["name"],
            "project_id": facts.result("project").ref,
            "hours": role.get("hours", ""),
            "share": role.get("share", ""),
            "skill": role["skill"],
            "currency": facts.subject["currency"],
            "start_date": start.isoformat(),
            "end_date": (start + LENGTH).isoformat(),
            "external_id": f"{facts.reference}-R{number}",
            "correlation_id": facts.correlation_id,
        }
        return Send(record=record, ordering=f"staffing:{facts.reference}-{number}")

    return prepare


def differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """How the PSA shows another role, or another amount of it, than was asked for."""
    if sent["name"] != found.get("name"):
        return f"asked for “{sent['name']}”, the PSA shows “{found.get('name')}”"
    for name in ("hours", "share"):
        asked, there = (Decimal(str(one.get(name) or 0)) for one in (sent, found))
        if asked != there:
            return f"asked for {name} {asked}, the PSA shows {there}"
    return ""
