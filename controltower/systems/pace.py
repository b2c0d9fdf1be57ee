"""A connection's pace in one process: calls evenly spaced, and none while it is held."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from controltower.canonical.verdicts import Verdict
from controltower.systems.holding import pause_asked, refuses_sign_in

CLOSED_FOR = timedelta(seconds=10)
"""How long nothing leaves on a connection that refuses us: until the books hold it."""


@dataclass(slots=True)
class Pace:
    """Spaces calls evenly, so that a connection never exceeds its calls per second."""

    interval: float
    next_at: float = 0.0
    closed_until: float = 0.0

    async def turn(self) -> None:
        """Wait for this caller's turn."""
        now = monotonic()
        at = max(now, self.next_at)
        self.next_at = at + self.interval
        if at > now:
            await asyncio.sleep(at - now)

    @property
    def is_closed(self) -> bool:
        """Whether the connection is held for a while."""
        return monotonic() < self.closed_until

    def heed(self, verdict: Verdict) -> None:
        """Hold back what is about to leave on this connection when it is refused or asked to wait:
        the books learn of it only after the answer."""
        asked = CLOSED_FOR if refuses_sign_in(verdict) else pause_asked(verdict)
        if asked is not None:
            self.closed_until = max(self.closed_until, monotonic() + asked.total_seconds())
