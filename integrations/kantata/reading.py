"""Records read together with what they hang on, in as few calls as the vendor allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from integrations.answers import as_agreed
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import Entity, is_tagged
from integrations.kantata.envelope import Envelope, identifier
from integrations.shape import Row, required, text

_VALUES = "custom_field_values"


async def whole(client: KantataClient, kind: Entity, found: Envelope) -> list[Row]:
    """The records of a page, each with its relations. Raises CallFailed."""
    if kind.collection == "workspaces":
        return as_agreed(lambda: [_with_values(row, found) for row in found.rows], found.exchange)
    rows = as_agreed(partial(_related, kind, found), found.exchange)
    wanted = sorted({identifier(row, "workspace_id") for row in rows if "workspace" in row})
    if not wanted:
        return rows
    workspaces = await named(client, "workspaces", wanted, include=_VALUES)

    def placed() -> list[Row]:
        known = {identifier(one, "id"): _with_values(one, workspaces) for one in workspaces.rows}
        return [{**row, "workspace": known.get(identifier(row, "workspace_id"))} for row in rows]

    return as_agreed(placed, workspaces.exchange)


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


def _with_values(row: Row, found: Envelope) -> Mapping[str, Any]:
    """A workspace with its custom fields by name, as people see their values. Raises Drift."""
    values = found.all_related(row, "custom_field_value_ids", _VALUES)
    custom = {required(one, "custom_field_name"): text(one, "display_value") for one in values}
    return {**row, "custom": custom}
