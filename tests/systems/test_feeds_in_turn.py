"""A feed takes its share of its connection's limits: its turn, its place, and its silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from controltower.canonical.verdicts import Kind, TryLater
from controltower.systems import calls
from controltower.systems.models import System
from controltower.systems.pace import Pace
from integrations.connector import Connector

PAGE = calls.ChangePage(changes=(), next_cursor="7")
SLOWER = TryLater(kind=Kind.RATE_LIMITED, text="slower", after=timedelta(minutes=9))


@dataclass(slots=True)
class Turns(Pace):
    """A pace that lets everybody through and counts them."""

    taken: int = 0

    async def turn(self) -> None:
        self.taken += 1


@dataclass
class Source:
    """A system that is read, and says how many asked it at once."""

    refusal: TryLater | None = None
    asked: list[str] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def read_changes(self, entity: str, cursor: str, limit: int) -> calls.ChangePage:
        await self._answer(f"read {entity}")
        return PAGE

    async def ack(self, refs: object) -> None:
        await self._answer("acknowledge")

    async def _answer(self, what: str) -> None:
        self.asked.append(what)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if self.refusal:
            raise calls.CallFailed(self.refusal)


def door(source: Source, pace: Pace, beside: int = 8) -> calls.Door:
    system = System(slug="crm", title="CRM", deadline_seconds=20)
    return calls.Door(system, cast("Connector", source), asyncio.Semaphore(beside), pace)


async def test_each_page_and_each_acknowledgement_waits_for_its_turn() -> None:
    source, pace = Source(), Turns(0.0)
    way = door(source, pace)
    assert await way.read_changes("deal", "", 10) == PAGE
    await way.acknowledge(["1"])
    assert source.asked == ["read deal", "acknowledge"]
    assert pace.taken == 2


async def test_feeds_beside_each_other_keep_the_connections_number() -> None:
    source = Source()
    way = door(source, Turns(0.0), beside=2)
    await asyncio.gather(*(way.read_changes("deal", "", 10) for _ in range(6)))
    assert (len(source.asked), source.most) == (6, 2)


async def test_after_a_wish_for_rest_nothing_more_is_asked() -> None:
    source = Source(refusal=SLOWER)
    way = door(source, Turns(0.0))
    with pytest.raises(calls.CallFailed) as failure:
        await way.read_changes("deal", "", 10)
    assert failure.value.verdict == SLOWER
    questions: tuple[Any, ...] = (way.read_changes("deal", "", 10), way.acknowledge(["1"]))
    for question in questions:
        with pytest.raises(calls.TooLate):
            await question
    assert source.asked == ["read deal"]


async def test_what_cannot_be_acknowledged_is_told_as_a_verdict() -> None:
    with pytest.raises(calls.CallFailed) as failure:
        await door(Source(refusal=SLOWER), Turns(0.0)).acknowledge(["1"])
    assert failure.value.verdict == SLOWER
