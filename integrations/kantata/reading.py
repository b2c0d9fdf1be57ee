"""Records read together with what they hang on, in as few calls as the vendor allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.http import Answer
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import Entity, is_tagged
from integrations.kantata.envelope import Envelope, identifier
from integrations.kantata.translate import DELETED
from integrations.shape import Drift, Row, required, text

_VALUES, _SKILLS = "custom_field_values", "workspace_resource_skills"


async def whole(client: KantataClient, kind: Entity, found: Envelope) -> list[Row]:
    """The records of a page, each with its relations. Raises CallFailed."""
    if kind.collection == "workspaces":
        return as_agreed(lambda: [with_values(row, found) for row in found.rows], found.exchange)
    rows = as_agreed(partial(_related, kind, found), found.exchange)
    wanted = sorted({identifier(row, "workspace_id") for row in rows if "workspace" in row})
    if not wanted:
        return rows
    rows = await _placed(client, rows, wanted)
    if "skills" in kind.asks:
        return await _with_skills(client, rows)
    return await _with_people(client, rows) if "people" in kind.asks else rows


async def ended(client: KantataClient, events: Sequence[Row]) -> list[Row]:
    """What is left of records that were deleted: what their last events say they were, and their
    workspaces. Raises CallFailed."""
    rows = [_left_of(event) for event in events]
    wanted = sorted({str(row["workspace_id"]) for row in rows} - {""})
    return await _placed(client, rows, wanted) if wanted else rows


def _left_of(event: Row) -> Row:
    """A record by its last event. What it was worth is not asked of that: which members an event
    carries is the account's to say."""
    before = event.get("previous_payload")
    was = before if isinstance(before, Mapping) else {}
    return {
        DELETED: True,
        "id": event["subject_id"],
        "workspace_id": str(was.get("workspace_id") or ""),
        "workspace": None,
        "is_invoiced": False,
        "updated_at": event.get("subject_changed_at") or event["created_at"],
    }


async def _placed(client: KantataClient, rows: list[Row], wanted: Sequence[str]) -> list[Row]:
    """Records with the workspaces that they are of."""
    workspaces = await named(client, "workspaces", wanted, include=_VALUES)

    def placed() -> list[Row]:
        known = {identifier(one, "id"): with_values(one, workspaces) for one in workspaces.rows}
        return [{**row, "workspace": known.get(identifier(row, "workspace_id"))} for row in rows]

    return as_agreed(placed, workspaces.exchange)


async def _with_people(client: KantataClient, rows: list[Row]) -> list[Row]:
    """Work with whoever did it, by the custom fields of their users."""
    wanted = as_agreed(lambda: sorted({identifier(row, "user_id") for row in rows} - {""}))
    if not wanted:
        return rows
    users = await named(client, "users", wanted, include=_VALUES)

    def done_by() -> list[Row]:
        known = {identifier(one, "id"): with_values(one, users) for one in users.rows}
        return [{**row, "person": known.get(identifier(row, "user_id"))} for row in rows]

    return as_agreed(done_by, users.exchange)


async def _with_skills(client: KantataClient, rows: list[Row]) -> list[Row]:
    """Places with their resources, and with what these are asked to know."""
    wanted = as_agreed(lambda: sorted({identifier(row, "workspace_resource_id") for row in rows}))
    resources = await named(client, "workspace_resources", wanted, include=_SKILLS)

    def skilled() -> list[Row]:
        known = {
            identifier(one, "id"): {
                **one,
                "skills": [
                    required(skill, "cached_skill_name")
                    for skill in resources.all_related(one, "workspace_resource_skill_ids", _SKILLS)
                ],
            }
            for one in resources.rows
        }
        return [
            {**row, "resource": known.get(identifier(row, "workspace_resource_id"))} for row in rows
        ]

    return as_agreed(skilled, resources.exchange)


async def one(client: KantataClient, entity: str, kind: Entity, ref: str) -> Verdict:
    """A record by the vendor's id of it. Raises CallFailed."""
    nothing = f"Kantata has no {entity} “{ref}”."
    if not (ref.isascii() and ref.isdecimal()):
        return Rejected(kind=Kind.NOT_FOUND, text=nothing)
    answer = await client.read(f"/{kind.collection}/{ref}", **kind.query)
    if not isinstance(answer, Answer):
        return answer
    found = as_agreed(lambda: Envelope.read(answer), answer.exchange)
    rows = await whole(client, kind, found)
    if not rows:
        return Rejected(kind=Kind.NOT_FOUND, text=nothing, exchange=answer.exchange)
    return as_agreed(lambda: kind.found(rows[0], answer.exchange), answer.exchange)


def written(kind: Entity, answer: Answer | Verdict, outcome: Outcome) -> Verdict:
    """What a write came to; an answer that is not shaped as agreed tells nothing."""
    if not isinstance(answer, Answer):
        return answer
    try:
        row = Envelope.read(answer).one()
        ref, stamp = identifier(row, "id"), kind.version(row)
    except Drift as drift:
        return drift.doubt(answer.exchange)
    return Done(
        ref=ref,
        outcome=outcome,
        version=stamp,
        values={"source_id": ref},
        exchange=answer.exchange,
    )


async def named(
    client: KantataClient, collection: str, numbers: Sequence[str], **query: str
) -> Envelope:
    """The records of these ids that are still there. Raises CallFailed."""
    return await client.all(collection, only=",".join(numbers), **query)


def _related(kind: Entity, found: Envelope) -> list[Row]:
    """Raises Drift."""
    rows: list[Row] = []
    for row in found.rows:
        tags = found.all_related(row, "tag_ids", "tags") if kind.tag else []
        if is_tagged(kind, tags):
            beside = {name: found.related(row, *link) for name, link in kind.links.items()}
            rows.append({**row, **beside})
    return rows


def with_values(row: Row, found: Envelope) -> Mapping[str, Any]:
    """A record with its custom fields by name, as people see their values. Raises Drift."""
    values = found.all_related(row, "custom_field_value_ids", _VALUES)
    custom = {required(one, "custom_field_name"): text(one, "display_value") for one in values}
    return {**row, "custom": custom}
