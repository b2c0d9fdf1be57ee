"""What a workspace is worth, with what its agreed change orders make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controltower.canonical.verdicts import Done, Outcome, Verdict
from integrations.answers import as_agreed
from integrations.budgets import agreed, unsigned
from integrations.kantata import translate
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import ENTITIES
from integrations.kantata.reading import one, whole, written


async def with_changes(client: KantataClient, found: Done) -> Done:
    """A budget that was read, with its change orders. Raises CallFailed."""
    kind = ENTITIES["change_order"]
    stories = await client.all(kind.collection, workspace_id=found.ref, **kind.query)
    rows = await whole(client, kind, stories)
    orders = as_agreed(lambda: [translate.change_order(row) for row in rows], stories.exchange)
    mine = [order for order in orders if order.approved and order.project_id == found.ref]
    return replace(found, values=agreed(found.values, mine))


async def follow(client: KantataClient, ref: str) -> Verdict:
    """Set a contract value to what the change orders make of it. Raises CallFailed."""
    kind = ENTITIES["budget"]
    read = await one(client, "budget", kind, ref)
    if not isinstance(read, Done):
        return read
    found = await with_changes(client, read)
    if objection := unsigned(found.values):
        return objection
    body = {kind.singular: _following(found.values)}
    answer = await client.write("PUT", f"/{kind.collection}/{ref}", body)
    return written(kind, answer, Outcome.UPDATED)


def _following(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that bring a workspace up to its change orders."""
    return {"price": str(values["agreed_value"]), "due_date": values["agreed_end"]}
