"""Places on workspaces: a person as a resource of the workspace, and when that one is allocated.

The vendor keeps the two apart: the resource has the role, the skills that are asked for and the
rates; the allocation has the days, the minutes and whether they are firm (`hard`). It has no word
for a place that was turned down, so the note of a soft allocation says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations.answers import as_agreed
from integrations.connector import CallFailed
from integrations.http import Answer
from integrations.kantata import translate
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import ENTITIES
from integrations.kantata.envelope import Envelope, identifier
from integrations.kantata.reading import whole, with_values, written
from integrations.workload import taken

RESOURCE = ("workspace_id", "user_id", "role_id")
"""The members of a place that are the resource's; all others are the allocation's."""
_COST = "cost_rate"


async def person(client: KantataClient, ref: str) -> Verdict:
    """A user of the account as somebody who can be placed."""
    if not (ref.isascii() and ref.isdecimal()):
        return Rejected(kind=Kind.NOT_FOUND, text=f"Kantata has no user “{ref}”.")
    answer = await client.read(f"/users/{ref}", include="custom_field_values,role")
    if not isinstance(answer, Answer):
        return answer
    return as_agreed(lambda: _person(Envelope.read(answer)), answer.exchange)


def _person(found: Envelope) -> Done:
    """Raises Drift."""
    row = {
        **with_values(found.one(), found),
        "role": found.related(found.one(), "role_id", "roles"),
    }
    values = translate.resource(row)
    return Done(
        ref=values["source_id"], outcome=Outcome.READ, values=values, exchange=found.exchange
    )


async def workload(client: KantataClient, number: str) -> Verdict:
    """The allocations of whoever has the firm's number, wherever they are. The vendor looks nobody
    up by a custom field, so that all users are read. Raises CallFailed."""
    users = await client.all("users", include="custom_field_values")
    mine = as_agreed(lambda: _numbered(users, number), users.exchange)
    members = await client.all("workspace_resources")
    known = as_agreed(
        lambda: {identifier(r, "id") for r in members.rows if identifier(r, "user_id") in mine},
        members.exchange,
    )
    kind = ENTITIES["assignment"]
    found = await client.all(kind.collection, **kind.query)
    rows = as_agreed(
        lambda: [r for r in found.rows if identifier(r, "workspace_resource_id") in known],
        found.exchange,
    )
    whole_rows = await whole(client, kind, replace(found, rows=tuple(rows)))
    places = as_agreed(lambda: [taken(translate.assignment(row)) for row in whole_rows])
    return Done(ref=number, outcome=Outcome.READ, values={"places": places})


def _numbered(users: Envelope, number: str) -> set[str]:
    """The ids of users with the firm's number. Raises Drift."""
    return {
        identifier(row, "id")
        for row in users.rows
        if translate.number_of(with_values(row, users)) == number
    }


async def resource_of(client: KantataClient, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of an allocation for this place: its resource, made where the workspace does not
    have that person in that role yet, and what is said of the time. Raises CallFailed."""
    fields = {name: record[name] for name in RESOURCE if record.get(name)}
    found = await client.all("workspace_resources", workspace_id=str(record["workspace_id"]))

    def known() -> list[str]:
        mine = (
            row
            for row in found.rows
            if all(identifier(row, name) == str(value) for name, value in fields.items())
        )
        return [identifier(row, "id") for row in mine]

    numbers = as_agreed(known, found.exchange)
    number = numbers[0] if numbers else await _made(client, fields)
    time = {name: value for name, value in record.items() if name not in RESOURCE}
    return {**time, "resource_id": number}


async def _made(client: KantataClient, fields: Mapping[str, Any]) -> str:
    answer = await client.write("POST", "/workspace_resources", {"workspace_resource": fields})
    if not isinstance(answer, Answer):
        raise CallFailed(answer)
    return as_agreed(lambda: identifier(Envelope.read(answer).one(), "id"), answer.exchange)


async def change(client: KantataClient, ref: str, record: Mapping[str, Any]) -> Verdict:
    """Set members of a place: `status` makes its allocation firm or turns it down, `cost_rate` is
    its resource's. The same again leaves the same. Raises CallFailed."""
    kind = ENTITIES["assignment"]
    fields = {name: value for name, value in record.items() if name != _COST}
    if record.get(_COST):
        place = await client.read(f"/{kind.collection}/{ref}")
        if not isinstance(place, Answer):
            return place
        number = as_agreed(
            lambda: identifier(Envelope.read(place).one(), "workspace_resource_id"),
            place.exchange,
        )
        body = {"workspace_resource": {_COST: str(record[_COST])}}
        priced = await client.write("PUT", f"/workspace_resources/{number}", body)
        if not isinstance(priced, Answer):
            return priced
    body = {kind.singular: kind.encode(fields)}
    answer = await client.write("PUT", f"/{kind.collection}/{ref}", body)
    return written(kind, answer, Outcome.UPDATED)
