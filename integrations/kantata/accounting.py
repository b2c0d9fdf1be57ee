"""Project accounting records: they are made and taken away, and the vendor offers no change of one.

One that is to say something else is followed by another, which refers to it, and is taken away once
that is there. Whoever knows the first finds the last; the same call again leaves the same state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.money import Money
from controltower.canonical.verdicts import Done, Outcome, Verdict
from integrations.http import Answer
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import ENTITIES
from integrations.kantata.reading import one, written
from integrations.kantata.references import Reference, subjects

ENTITY = "revenue_part"
_AFTER = "revenue_part_after"
"""Our word for what stands in a record's place, in the reference by which that is found."""
_KIND = ENTITIES[ENTITY]


async def chain(client: KantataClient, service: str, ref: str) -> list[str]:
    """A record and those that came in its place, the last being the one that stands. Raises
    CallFailed."""
    found = [ref]
    while True:
        after = Reference(service, _AFTER, found[-1])
        numbers, _exchange = await subjects(client, _KIND.singular, after)
        fresh = [number for number in numbers if number not in found]
        if not fresh:
            return found
        found.append(fresh[0])


async def standing(client: KantataClient, service: str, ref: str) -> Verdict:
    """What stands for a record by now, by the id that it had first. Raises CallFailed."""
    return await one(client, ENTITY, _KIND, (await chain(client, service, ref))[-1])


async def change(
    client: KantataClient, service: str, ref: str, record: Mapping[str, Any]
) -> Verdict:
    """Let a record say something else. Raises CallFailed."""
    *gone, last = await chain(client, service, ref)
    found = await one(client, ENTITY, _KIND, last)
    if not isinstance(found, Done):
        return found
    if not _says(found.values, record):
        ours = Reference(service, _AFTER, last).fields()
        body = {_KIND.singular: {**record, "external_reference": ours}}
        answer = await client.write("POST", f"/{_KIND.collection}", body)
        found = written(_KIND, answer, Outcome.UPDATED)
        if not isinstance(found, Done):
            return found
        gone.append(last)
    if gone:
        ids = [int(number) for number in gone]
        answer = await client.write("PUT", f"/{_KIND.collection}/delete", {"ids": ids})
        if not isinstance(answer, Answer):
            return answer
    return Done(ref=ref, outcome=Outcome.UPDATED, exchange=found.exchange)


def _says(shown: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    currency = str(record["currency"])
    amounts = [Money.of(str(side["amount"]), currency) for side in (shown, record)]
    return amounts[0] == amounts[1] and shown["period"] == str(record["start_date"])[:7]
