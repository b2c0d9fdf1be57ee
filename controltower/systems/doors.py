"""Doors to systems, opened as they are asked for, and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from controltower.systems.calls import Door, door_to
from controltower.systems.models import System
from controltower.systems.pace import Pace

OPENED_WITH = (
    "connector", "connection", "base_url", "secrets", "options", "terms",
)  # fmt: skip
"""What a system's record says that its door is opened with, besides the deadline."""
Key = tuple[int, int]
"""A system, and the seconds that a call may take: a connector keeps to the time that it was opened
with, so that patience needs a door of its own."""


class Doors:
    """Doors opened as they are asked for. Systems on one connection share one gate and pace, so
    that together they keep its limits."""

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._paces: dict[str, Pace] = {}
        self._opened: dict[Key, Door] = {}
        self._left: list[Door] = []

    def of(self, system: System) -> Door:
        """The system's door, opened with what its record says; anew when it says something else."""
        key = (system.pk, system.deadline_seconds)
        door = self._opened.get(key)
        if door is not None and _opens_alike(door.system, system):
            door.system = system
            return door
        if door is not None:
            self._left.append(door)
        slug = system.connection
        gate = self._gates.setdefault(slug, asyncio.Semaphore(system.concurrency))
        pace = self._paces.setdefault(slug, Pace(1 / system.calls_per_second))
        opened = self._opened[key] = door_to(system, gate, pace)
        return opened

    async def close(self) -> None:
        """Give all sockets back."""
        for door in (*self._opened.values(), *self._left):
            await door.connector.close()


def _opens_alike(one: System, other: System) -> bool:
    return one is other or all(getattr(one, name) == getattr(other, name) for name in OPENED_WITH)


@asynccontextmanager
async def opened(systems: Sequence[System]) -> AsyncIterator[dict[int, Door]]:
    """The doors of some systems by their primary keys, closed afterwards."""
    doors = Doors()
    try:
        yield {system.pk: doors.of(system) for system in systems}
    finally:
        await doors.close()
