"""Names for rows: time-ordered, made before the insert, sorting by when they were made."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime
from uuid import UUID


class _Ticks:
    """The 4096ths of a millisecond since 1970; never the same twice in a process."""

    def __init__(self) -> None:
        self._lock, self._last = threading.Lock(), 0

    def next(self) -> int:
        with self._lock:
            self._last = max(time.time_ns() * 4096 // 1_000_000, self._last + 1)
            return self._last


_ticks = _Ticks()


def new_id() -> UUID:
    """A UUIDv7 whose twelve bits after the milliseconds count their 4096ths (RFC 9562, method 3).

    Within a process each is greater than the one before. Between processes of one machine the
    quarter of a microsecond is finer than any hand-over of a row lock, so that rows written under
    the same lock sort in the order in which they were written.
    """
    milliseconds, fraction = divmod(_ticks.next(), 4096)
    chance = random.getrandbits(62)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance)


def first_id(at: datetime) -> UUID:
    """The least name of a row made in that millisecond: what is younger is found by names alone."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)
