"""Calls in flight on a thread of their own, while the caller's thread keeps the books.

A slow system occupies nothing but its own calls: answers are handed over as they come.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import uvloop

from controltower.canonical.verdicts import Kind, Misconfigured, Quota
from controltower.systems.calls import Door
from controltower.systems.doors import Doors
from controltower.systems.models import System

LOOK_AGAIN = 0.002
"""Seconds between two looks at how many replies have come."""
Ticket = TypeVar("Ticket")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Reply(Generic[Ticket, Answer]):
    """What came of a question. Without an answer, `trouble` says why there is no door."""

    ticket: Ticket
    answer: Answer | None
    trouble: Misconfigured | None
    milliseconds: int
    quota: Quota


class Loop(uvloop.Loop):
    """Connects to a number without looking it up: uvloop asks on a thread for whatever it is not
    told the socket's type of, and does not tell itself."""

    async def getaddrinfo(self, *where: Any, **named: Any) -> Any:
        """The addresses of a host; of a number at once."""
        return await super().getaddrinfo(*where, **{"type": socket.SOCK_STREAM, **named})


class Switchboard(Generic[Ticket, Answer]):
    """Put a question to systems and collect the replies, in whatever order they come. A context
    manager: leaving it abandons what is still under way. By connection it counts the calls that its
    systems have not answered yet; `in_flight` are those whose replies were not collected.

    The question is asked on the board's own thread, at the door of the ticket's system; it answers
    failures with a value of its own.
    """

    def __init__(self, question: Callable[[Door, Ticket], Awaitable[Answer]]) -> None:
        self.in_flight = 0
        self.unanswered = Counter[str]()
        self._question = question
        self._replies: SimpleQueue[Reply[Ticket, Answer]] = SimpleQueue()
        self._loop = Loop()
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

    def place(self, asked: Sequence[tuple[System, Ticket]]) -> None:
        """Begin to ask."""
        self.in_flight += len(asked)
        self._loop.call_soon_threadsafe(self._begin, asked)

    def replies(
        self, wait: float, gather: float = 0, share: float = 1
    ) -> list[Reply[Ticket, Answer]]:
        """All replies that are there; waits up to so many seconds for the first, and gathers those
        that follow it until a share of what is under way has answered, or its time is over."""
        found: list[Reply[Ticket, Answer]] = []
        try:
            found.append(self._replies.get(timeout=wait))
            over, enough = monotonic() + gather, share * self.in_flight - len(found)
            while self._replies.qsize() < enough and (left := over - monotonic()) > 0:
                sleep(min(left, LOOK_AGAIN))
            while True:
                found.append(self._replies.get_nowait())
        except Empty:
            self.in_flight -= len(found)
            return found

    def _begin(self, asked: Sequence[tuple[System, Ticket]]) -> None:
        for system, ticket in asked:
            self.unanswered[system.connection] += 1
            task = self._loop.create_task(self._ask(system, ticket))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _ask(self, system: System, ticket: Ticket) -> None:
        began, quota = monotonic(), Quota()
        answer, trouble = None, None
        try:
            door = self._doors.of(system)
            answer = await self._question(door, ticket)
            quota = door.quota()
        except Exception as error:  # noqa: BLE001 - a system set up wrongly must not lose a step
            text = f"{system.title} is not set up as its connector needs it ({error!r})."
            trouble = Misconfigured(kind=Kind.CONTRACT, text=text[:400])
        self.unanswered[system.connection] -= 1
        spent = round((monotonic() - began) * 1000)
        self._replies.put(Reply(ticket, answer, trouble, spent, quota))

    async def _close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._doors.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()
