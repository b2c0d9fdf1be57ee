"""Calls in flight on a thread of their own, while the caller's thread keeps the books.

A slow system occupies nothing but its own calls: answers are handed over as they come.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from controltower.canonical.verdicts import Kind, Misconfigured, Quota, Verdict
from controltower.systems.calls import Doors, Order, TooLate
from controltower.systems.models import System

Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class Reply(Generic[Ticket]):
    """A finished call. `verdict` is None when it was not begun, its time being too short."""

    ticket: Ticket
    verdict: Verdict | None
    milliseconds: int
    quota: Quota


class Switchboard(Generic[Ticket]):
    """Place calls and collect their replies, in whatever order they come. A context manager:
    leaving it abandons what is still under way."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._replies: SimpleQueue[Reply[Ticket]] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="calls", daemon=True)
        self._doors = Doors()
        self._under_way: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def place(self, calls: Sequence[tuple[Ticket, System, Order]], until: float) -> None:
        """Begin calls; none that could last beyond `until` (monotonic seconds) is begun."""
        self.in_flight += len(calls)
        self._loop.call_soon_threadsafe(self._begin, calls, until)

    def replies(self, wait: float) -> list[Reply[Ticket]]:
        """All replies that are there; waits up to so many seconds for the first."""
        found: list[Reply[Ticket]] = []
        try:
            found.append(self._replies.get(timeout=wait))
            while True:
                found.append(self._replies.get_nowait())
        except Empty:
            self.in_flight -= len(found)
            return found

    def _begin(self, calls: Sequence[tuple[Ticket, System, Order]], until: float) -> None:
        for call in calls:
            task = self._loop.create_task(self._call(*call, until))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _call(self, ticket: Ticket, system: System, order: Order, until: float) -> None:
        began, quota = monotonic(), Quota()
        try:
            door = self._doors.of(system)
            verdict: Verdict | None = await door.perform(order, until)
            quota = door.quota()
        except TooLate:
            verdict = None
        except Exception as error:  # noqa: BLE001 - a system set up wrongly must not lose a step
            text = f"{system.title} is not set up as its connector needs it ({error!r})."
            verdict = Misconfigured(kind=Kind.CONTRACT, text=text[:400])
        spent = round((monotonic() - began) * 1000)
        self._replies.put(Reply(ticket, verdict, spent, quota))

    async def _close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._doors.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()
