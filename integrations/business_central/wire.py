"""What every entity of the vendor's carries, and how text is laid out on an invoice's lines.

An invoice has no free text of its own, so ours stands in comment lines, a hundred signs each: first
what the invoice is for, then after each line whatever its text did not hold, and last its origin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from integrations.shape import Row, choice, moment, required, text

COMMENT, ACCOUNT = "Comment", "Account"
_KINDS = {COMMENT: True, ACCOUNT: False, "Item": False}
LONGEST_TEXT = 100


def etag_of(row: Row) -> str:
    """The version that a change expects. Raises Drift."""
    return required(row, ("@odata.etag",))


def changed_at(row: Row) -> datetime:
    """When the entity was last changed, UTC. Raises Drift."""
    return moment(row, "lastModifiedDateTime")


def version_of(row: Row) -> str:
    """Orders what was said of one entity. Raises Drift."""
    return changed_at(row).isoformat(timespec="microseconds")


def stamp(moment: datetime) -> str:
    """As a literal of a filter: whole milliseconds, so none is left out."""
    written = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")


def comments(said: str) -> list[dict[str, Any]]:
    """Text as comment lines."""
    pieces = [said[at : at + LONGEST_TEXT] for at in range(0, len(said), LONGEST_TEXT)]
    return [{"lineType": COMMENT, "description": piece} for piece in pieces]


def split(lines: Sequence[Row]) -> tuple[str, list[tuple[Row, list[str]]]]:
    """The invoice's own text, and each booked line with the comments below it. Raises Drift."""
    said: list[str] = []
    booked: list[tuple[Row, list[str]]] = []
    for line in sorted(lines, key=_sequence):
        if choice(line, "lineType", _KINDS):
            (booked[-1][1] if booked else said).append(text(line, "description"))
        else:
            booked.append((line, []))
    return "".join(said), booked


def laid_out(description: str, below: Sequence[str]) -> tuple[str, str]:
    """A booked line's whole text, and its origin: the last comment below it."""
    return description + "".join(below[:-1]), below[-1] if below else ""


def overflow(description: str) -> Iterator[dict[str, Any]]:
    """What of a line's text does not stand on the line itself."""
    yield from comments(description[LONGEST_TEXT:])


def _sequence(line: Row) -> int:
    found = line.get("sequence")
    return found if isinstance(found, int) else 0
