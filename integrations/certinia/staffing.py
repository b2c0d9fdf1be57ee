"""What hangs on a person in the PSA: who is meant, what they are on, what nobody has approved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrations.certinia import translate
from integrations.salesforce_platform.changes import quoted
from integrations.salesforce_platform.entity import Entity
from integrations.shape import Row, day, text

_NAMED = ("Tower_External_Id__c", "HR_Id__c", "Email")


def _on_project(row: Row) -> dict[str, Any]:
    ends = day(row, "pse__End_Date__c")
    return {
        "project": text(row, "pse__Project__r.Name"),
        "to_date": ends.isoformat() if ends else "",
    }


_PATHS = ("Id", "pse__Project__r.Name", "pse__End_Date__c")
WORK = {
    "assignments": (Entity(object="pse__Assignment__c", paths=_PATHS, translate=_on_project), ""),
    "unapproved": (
        Entity(object="pse__Timecard_Header__c", paths=_PATHS, translate=_on_project),
        " AND pse__Status__c IN ('Saved', 'Submitted')",
    ),
}
"""What is looked for, and which of it counts."""


def names(ref: str) -> str:
    """The condition for everybody who may be meant: by number, HR id or e-mail, a line each."""
    given = zip(_NAMED, ref.split("\n"), strict=False)
    wanted = [f"{name} = {quoted(value)}" for name, value in given if value]
    return f"({' OR '.join(wanted)})"


def known(row: Row) -> dict[str, Any]:
    """Who that is, without what is personal. Raises Drift."""
    person = translate.resource(row)
    return {name: person[name] for name in ("source_id", "number", "hr_id", "entity", "active")}


def listed(kind: Entity, rows: Sequence[Row]) -> list[Any]:
    """The work of these rows. Raises Drift."""
    return [kind.translate(row) for row in rows]
