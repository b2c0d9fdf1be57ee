"""Where the account's feed of events stands, and what to do when it no longer reaches back.

The vendor keeps subscribed events for nine days and gives them in no order, some twice. So each is
only a hint: the record is read as it is now, and what it says makes the fact's id. A cursor that
has fallen out of the nine days goes on by listing what was changed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from integrations.answers import as_agreed
from integrations.kantata.client import KantataClient
from integrations.kantata.entities import Entity
from integrations.kantata.envelope import Envelope, identifier
from integrations.places import Place, page_of
from integrations.shape import Row, moment, text

RETENTION = timedelta(days=9)
_MARGIN = timedelta(hours=1)
"""By which a reading without a cursor begins within what the vendor still has."""
_DELETED = ":deleted"
"""How the type of an event ends that tells of the last of a record."""
SETTLED = 300.0
"""Seconds; option `settle_seconds`. An event may show that much later than its stamp."""


@dataclass(frozen=True, slots=True)
class Hints:
    """Which records to read again. `last` is where the page of hints ends; `gone` are the events of
    those that were deleted."""

    numbers: Sequence[str]
    last: Place
    has_more: bool
    gone: Mapping[str, Row] = field(default_factory=dict)


def beginning(now: datetime) -> Place:
    """The oldest place that the feed still reaches."""
    return Place(now - RETENTION + _MARGIN)


def is_out_of_reach(place: Place, now: datetime) -> bool:
    """Whether the vendor has forgotten events after that place."""
    return place.at < now - RETENTION


async def from_events(client: KantataClient, subject: str, start: Place, limit: int) -> Hints:
    """What the events after a place are about. Raises CallFailed."""
    found = await client.all(
        "subscribed_events", subject_type=subject, created_after=_since(start.at)
    )

    def latest() -> dict[str, Place]:
        mine = [row for row in found.rows if text(row, "subject_type") == subject]
        placed = [(Place(moment(row, "created_at"), identifier(row, "id")), row) for row in mine]
        return {identifier(row, "subject_id"): place for place, row in sorted(placed, key=_place)}

    subjects = {place: number for number, place in as_agreed(latest, found.exchange).items()}
    page, has_more = page_of(list(subjects), start, limit)
    numbers = [subjects[place] for place in page]
    gone = as_agreed(partial(_deleted, found, numbers), found.exchange)
    return Hints(numbers, page[-1] if page else start, has_more, gone)


def _deleted(found: Envelope, numbers: Sequence[str]) -> dict[str, Row]:
    """The events that end a record, by its id: none is given twice. Raises Drift."""
    ends = [row for row in found.rows if text(row, "event_type").endswith(_DELETED)]
    told = {identifier(row, "subject_id"): row for row in ends}
    return {number: told[number] for number in numbers if number in told}


async def from_listing(client: KantataClient, kind: Entity, start: Place, limit: int) -> Hints:
    """What was changed after a place, by the records themselves. Raises CallFailed."""
    rows: list[Row] = []
    number, pages = 0, 1
    while number < pages and len(rows) <= limit:
        number += 1
        after = {kind.stamp.replace("_at", "_after"): _since(start.at)}
        found = await client.page(kind.collection, number, order=f"{kind.stamp}:asc", **after)
        pages = found.pages
        rows += as_agreed(partial(_after, kind, found, start), found.exchange)
    page, has_more = page_of([kind.place(row) for row in rows], start, limit)
    return Hints(
        [place.ref for place in page], page[-1] if page else start, has_more or number < pages
    )


def _after(kind: Entity, found: Envelope, start: Place) -> list[Row]:
    """Raises Drift."""
    return [row for row in found.rows if kind.place(row) > start]


def _place(placed: tuple[Place, Row]) -> Place:
    return placed[0]


def _since(at: datetime) -> str:
    """A second earlier: the vendor stamps whole seconds and leaves out the one that it is given."""
    return (at - timedelta(seconds=1)).astimezone(UTC).isoformat(timespec="seconds")
