"""What a workspace is worth, with what its agreed change orders make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controltower.canonical.verdicts import Done
from integrations.answers import as_agreed
from integrations.budgets import agreed
from integrations.kantata import translate
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import ENTITIES
from integrations.kantata.reading import whole


async def with_changes(client: KantataClient, found: Done) -> Done:
    """A budget that was read, with its change orders. Raises CallFailed."""
    kind = ENTITIES["change_order"]
    stories = await client.all(kind.collection, workspace_id=found.ref, **kind.query)
    rows = await whole(client, kind, stories)
    orders = as_agreed(lambda: [translate.change_order(row) for row in rows], stories.exchange)
    mine = [one for one in orders if one.approved and one.project_id == found.ref]
    return replace(found, values=agreed(found.values, mine))


def following(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that bring a workspace up to its change orders."""
    return {"price": str(values["agreed_value"]), "due_date": values["agreed_end"]}
