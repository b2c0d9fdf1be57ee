"""Live pages: one websocket per tab that carries topic names, never content.

Each web process listens to Redis once, for as long as tabs are open, gathers what rang for a
moment and tells each tab the names it may know. The page then fetches its own view, under the
person's own rights. Whenever signals may have been missed, tabs are told to resync.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from redis.exceptions import RedisError

from controltower.firm.models import Person
from controltower.web import membership
from controltower.web.signals import CHANNEL

log = logging.getLogger(__name__)

GATHER = 0.25
"""Seconds for which a burst is gathered into one signal."""
REMEMBER = 5.0
"""Seconds for which signals are kept for a page that was drawn before its socket opened."""
LINGER = 15.0
"""Seconds for which Redis is still listened to after the last tab: most people only turn a page."""
LOOK_AGAIN = 2.0
"""Seconds between looks at whether each tab's session still holds: closed within 5 s."""
MOST_WAITING = 200
"""Names a slow tab may have waiting before they become one resync."""
ENDED, TRY_LATER = 4401, 1013

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(eq=False)
class Tab:
    """One open page: whose it is, what waits to be told, and the close code once it must end."""

    member: membership.Member
    waiting: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    close_code: int = 0

    def tell(self, topics: frozenset[str]) -> None:
        """Add names; a tab that does not keep up resyncs instead."""
        self.waiting |= topics
        if len(self.waiting) > MOST_WAITING:
            self.waiting = {"resync"}
        if topics:
            self.wake.set()

    def end(self, code: int) -> None:
        """Have the socket closed."""
        self.close_code = code
        self.wake.set()


class Switchboard:
    """The open tabs of one process, and the two tasks that run while there are any."""

    def __init__(self) -> None:
        self.tabs: set[Tab] = set()
        self.rung: set[str] = set()
        self.recent: deque[tuple[float, membership.Audience]] = deque()
        self.tasks: list[asyncio.Task[None]] = []
        self.closing: asyncio.TimerHandle | None = None

    def join(self, tab: Tab) -> None:
        """Add a tab, tell it what it may just have missed; the first one starts the tasks."""
        self.tabs.add(tab)
        if self.closing:
            self.closing.cancel()
            self.closing = None
        if not self.tasks:
            work = (self._listen(), self._distribute(), self._watch())
            self.tasks = [asyncio.create_task(one) for one in work]
        self._forget()
        for _, audience in self.recent:
            tab.tell(tab.member.may_know(audience))

    def leave(self, tab: Tab) -> None:
        """Take a tab out; some time after the last one the tasks end."""
        self.tabs.discard(tab)
        if not self.tabs and self.closing is None:
            self.closing = asyncio.get_running_loop().call_later(LINGER, self._close)

    def _close(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.tasks, self.closing = [], None
        self.recent.clear()

    def _forget(self) -> None:
        while self.recent and self.recent[0][0] < time.monotonic() - REMEMBER:
            self.recent.popleft()

    async def _listen(self) -> None:
        """Hear Redis for ever; after each loss of it, everybody resyncs."""
        pause = 0.5
        while True:
            try:
                async with (
                    redis.asyncio.Redis.from_url(settings.REDIS_URL) as client,
                    client.pubsub(ignore_subscribe_messages=True) as heard,
                ):
                    await heard.subscribe(CHANNEL)
                    self.rung.add("resync")
                    pause = 0.5
                    await self._hear(heard)
            except (RedisError, OSError) as error:
                log.warning("live signals lost: %s", type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _hear(self, heard: Any) -> None:
        while True:
            message = await heard.get_message(timeout=3.0)
            if message is not None:
                with contextlib.suppress(ValueError, TypeError):
                    self.rung |= {str(name)[:80] for name in json.loads(message["data"])}

    async def _distribute(self) -> None:
        while True:
            await asyncio.sleep(GATHER)
            if not self.rung:
                continue
            rung, self.rung = frozenset(self.rung), set()
            try:
                audience = await _in_database(membership.audience, rung)
            except DatabaseError:
                audience = {name: None for name in rung if not membership.is_about_one(name)}
            self._forget()
            self.recent.append((time.monotonic(), audience))
            for tab in list(self.tabs):
                tab.tell(tab.member.may_know(audience))

    async def _watch(self) -> None:
        """Close the tabs of sessions that have ended; if nobody can tell, close them all."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            tabs = list(self.tabs)
            try:
                valid = await _in_database(membership.still_valid, [tab.member for tab in tabs])
            except DatabaseError as error:
                log.warning("sessions cannot be checked: %s", type(error).__name__)
                for tab in tabs:
                    tab.end(TRY_LATER)
                continue
            for tab in tabs:
                member = valid.get(tab.member.session_key)
                if member is None or member.seal != tab.member.seal:
                    tab.end(ENDED)
                else:
                    tab.member = member


_switchboards: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()


def switchboard() -> Switchboard:
    """The one of this event loop."""
    return _switchboards.setdefault(asyncio.get_running_loop(), Switchboard())


async def live(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application behind `/live/`: accepts a signed-in person and tells names."""
    await receive()
    member = await _member(scope)
    if member is None:
        await send({"type": "websocket.close", "code": ENDED})
        return
    await send({"type": "websocket.accept"})
    tab = Tab(member)
    board = switchboard()
    board.join(tab)
    talk = asyncio.create_task(_talk(tab, send))
    try:
        await _until_gone(receive, talk)
    finally:
        board.leave(tab)
        talk.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await talk


async def _member(scope: dict[str, Any]) -> membership.Member | None:
    if scope["path"] != "/live/":
        return None
    try:
        person = scope["user"]
        if not isinstance(person, Person):
            return None
        member: membership.Member = await _in_database(
            membership.of, person, scope["session"].session_key
        )
    except DatabaseError:
        return None
    return member


async def _talk(tab: Tab, send: Send) -> None:
    while True:
        await tab.wake.wait()
        tab.wake.clear()
        if tab.close_code:
            await send({"type": "websocket.close", "code": tab.close_code})
            return
        topics, tab.waiting = sorted(tab.waiting), set()
        if topics:
            await send({"type": "websocket.send", "text": json.dumps({"topics": topics})})


async def _until_gone(receive: Receive, talk: asyncio.Task[None]) -> None:
    """Until the browser hangs up or we do. What the browser says is not listened to."""
    while not talk.done():
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return


async def _in_database(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a query in a thread, on a connection that is given back."""

    def run() -> Any:
        try:
            return function(*arguments)
        finally:
            close_old_connections()

    return await sync_to_async(run)()
