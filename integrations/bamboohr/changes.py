"""Where the change feed stands: everything changed since a moment, in a settled order.

The vendor stamps whole seconds, and a change may show a little after its stamp. So the cursor
stays a while behind the clock: the last of it is read again, and the same fact keeps its event id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from integrations.shape import Drift, Row, choice, moment, required

SETTLED = 60.0
"""Seconds; option `settle_seconds`. Never below the second that the vendor's stamps count in."""
_REMOVED = {"Inserted": False, "Updated": False, "Deleted": True}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """After which change a feed stands: the second of its stamp, and the employee's id in it."""

    at: datetime
    number: int = 0

    @classmethod
    def read(cls, cursor: str) -> Place | None:
        """From a cursor; None when it cannot be read."""
        stamp, _, number = cursor.partition("|")
        try:
            place = cls(datetime.fromisoformat(stamp), int(number))
        except ValueError:
            return None
        return place if place.at.tzinfo else None

    def text(self) -> str:
        """As a cursor."""
        return f"{self.at.astimezone(UTC).isoformat(timespec='seconds')}|{self.number}"

    @property
    def since(self) -> str:
        """What to ask the vendor for: it leaves out the very second that it is given."""
        return (self.at - timedelta(seconds=1)).astimezone(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Changed:
    """One entry of the vendor's list."""

    place: Place
    removed: bool

    @classmethod
    def read(cls, row: Row) -> Changed:
        """Raises Drift."""
        number = required(row, "id")
        if not (number.isascii() and number.isdecimal()):
            raise Drift("“id” is not a number")
        place = Place(moment(row, "lastChanged"), int(number))
        return cls(place, choice(row, "action", _REMOVED))


def following(page: Sequence[Changed], before: Place, has_more: bool, settled: datetime) -> Place:
    """Where the feed stands after a page; at its end before the second that holds `settled`, which
    may be a step back: somebody may have changed in a second that was passed already."""
    last = page[-1].place if page else before
    return last if has_more else min(last, Place(settled.replace(microsecond=0)))
