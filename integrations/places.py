"""Where a feed by time of change stands, for vendors who list what changed since a moment.

A change may show a little after its stamp. So at its end the cursor stays a while behind the clock:
the last of it is read again, and the same fact keeps its event id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """After which record a feed stands: the time of its change, and its id among several."""

    at: datetime = _BEGINNING
    ref: str = ""

    @classmethod
    def read(cls, cursor: str) -> Place | None:
        """From a cursor; None when it cannot be read."""
        stamp, _, ref = cursor.partition("|")
        try:
            at = datetime.fromisoformat(stamp)
        except ValueError:
            return None
        return cls(at, ref) if at.tzinfo else None

    def text(self) -> str:
        """As a cursor."""
        return f"{self.at.astimezone(UTC).isoformat(timespec='microseconds')}|{self.ref}"


def following(last: Place, has_more: bool, settled: datetime) -> Place:
    """Where the feed stands after a page that ends at `last`; at its end no later than `settled`,
    which may be a step back."""
    return last if has_more else min(last, Place(settled))


def page_of(places: Sequence[Place], start: Place, limit: int) -> tuple[Sequence[Place], bool]:
    """The first `limit` of the places after `start`, oldest first, and whether there are more."""
    after = sorted(place for place in places if place > start)
    return after[:limit], len(after) > limit
