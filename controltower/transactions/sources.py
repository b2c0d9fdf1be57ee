"""What stuck steps would read from their sources today, without touching the steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.db.transaction import atomic

from controltower.canonical.verdicts import Done, Verdict
from controltower.canonical.wire import to_json
from controltower.processes.definition import Facts, Result
from controltower.systems import calls
from controltower.systems.doors import opened
from controltower.systems.models import System
from controltower.transactions import books, engine
from controltower.transactions.cases import Case
from controltower.transactions.models import ReplayItem, Step


def fresh(items: Sequence[ReplayItem], found: Mapping[UUID, Case]) -> dict[int, Facts]:
    """The facts of each item (by its place) with what its sources and the tower's own books say
    now. A source that does not answer leaves the fact as it was."""
    known = {owner: case.facts() for owner, case in found.items()}
    asked: list[tuple[int, Step]] = [
        (place, source)
        for place, item in enumerate(items)
        for source in engine.sources(found[item.transaction_id], item.step)
    ]
    renewed = {
        place: consulted(known[item.transaction_id], found[item.transaction_id], item.step.name)
        for place, item in enumerate(items)
    }
    for (place, source), verdict in zip(asked, asyncio.run(_read(asked)), strict=True):
        if isinstance(verdict, Done):
            result = Result(verdict.ref, to_json(dict(verdict.values)))
            results = {**renewed[place].results, source.name: result}
            renewed[place] = replace(renewed[place], results=results)
    return renewed


def consulted(known: Facts, case: Case, step: str) -> Facts:
    """What is known, with what the step is given of the books: these are locked no longer than that
    takes."""
    consults = case.definitions(known)[step].consults
    if not consults:
        return known
    with atomic():
        return replace(known, books=books.consulted(consults, case))


async def _read(asked: Sequence[tuple[int, Step]]) -> list[Verdict]:
    systems: dict[int, System] = {s.system.pk: s.system for _, s in asked if s.system is not None}
    async with opened(list(systems.values())) as doors:
        orders = [
            doors[source.system.pk].ask(
                calls.Order("read_back", source.entity, source.verb, ref=source.ref)
            )
            for _, source in asked
            if source.system is not None
        ]
        return list(await asyncio.gather(*orders))
