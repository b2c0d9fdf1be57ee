"""Reading a vendor's answer: what is not shaped as agreed is told, never guessed at.

A path is dotted, or its steps where names hold dots. A member that is null is empty; one that is
missing, or of another type, means that the vendor's contract and ours have drifted apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from controltower.canonical.verdicts import Exchange, Kind, Misconfigured, Unknown

T = TypeVar("T")
Row = Mapping[str, Any]
Path = str | tuple[str, ...]

_MOST_DIGITS = 15
_MOST_DECIMALS = 18
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
"""No database of ours can keep a NUL or half a character."""


class Drift(Exception):
    """An answer is not shaped as agreed; the text says where, without quoting its content."""

    def verdict(self, exchange: Exchange | None = None) -> Misconfigured:
        """For a read: a person must look at what the vendor has changed."""
        text = f"The answer is not shaped as agreed: {self}. Nothing was taken from it."
        return Misconfigured(kind=Kind.CONTRACT, text=text, exchange=exchange)

    def doubt(self, exchange: Exchange) -> Unknown:
        """For a write: the answer does not tell what was done."""
        text = f"The answer is not shaped as agreed: {self}. Nobody can tell what was done."
        return Unknown(text=text, exchange=exchange)


class Odd(Drift):
    """A value that cannot be used, in an answer whose shape is as agreed: the row's own trouble."""


def _shown(path: Path) -> str:
    return path if isinstance(path, str) else " ".join(path)


def at(row: Row, path: Path) -> Any:
    """The value at a path; None when it, or what it belongs to, is null. Raises Drift."""
    found: Any = row
    for step in path.split(".") if isinstance(path, str) else path:
        if found is None:
            return None
        if not isinstance(found, Mapping):
            raise Drift(f"“{_shown(path)}” is not an object")
        if step not in found:
            raise Drift(f"“{_shown(path)}” is missing")
        found = found[step]
    return found


def of_type(row: Row, path: Path, kind: type[T]) -> T | None:
    """The value at a path, None when null. Raises Drift when it is of another type."""
    found = at(row, path)
    if found is None:
        return None
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise Drift(f"“{_shown(path)}” is of another type")
    return found


def text(row: Row, path: Path) -> str:
    """Text at a path, "" when null. Raises Drift."""
    found = of_type(row, path, str)
    if found is None:
        return ""
    if _UNKEEPABLE.search(found):
        raise Odd(f"“{_shown(path)}” holds a NUL or half a character")
    return found


def required(row: Row, path: Path) -> str:
    """Text at a path that is never empty. Raises Drift."""
    found = text(row, path)
    if not found:
        raise Odd(f"“{_shown(path)}” is empty")
    return found


def amount(row: Row, path: Path) -> Decimal:
    """A number at a path, exactly as it was written; zero when null. Raises Drift."""
    found = at(row, path)
    written = found if isinstance(found, Decimal) else of_type(row, path, int)
    return bounded(Decimal(0) if written is None else Decimal(written), path)


def amount_text(row: Row, path: Path) -> Decimal:
    """A number that the vendor writes as text; zero when null or empty. Raises Drift."""
    written = text(row, path)
    try:
        return bounded(Decimal(written or 0), path)
    except InvalidOperation:
        raise Odd(f"“{_shown(path)}” is not a number") from None


def bounded(number: Decimal, path: Path) -> Decimal:
    """The number itself when books can hold it. Raises Drift."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DECIMALS:
        raise Odd(f"“{_shown(path)}” is finer than any amount")
    if number and number.adjusted() >= _MOST_DIGITS:
        raise Odd(f"“{_shown(path)}” is beyond any amount")
    return number


def figure(row: Row, path: Path) -> str:
    """A number at a path as text, "" when null. Raises Drift."""
    return "" if at(row, path) is None else str(amount(row, path))


def day(row: Row, path: Path) -> date | None:
    """A date at a path. Raises Drift."""
    written = text(row, path)
    try:
        return date.fromisoformat(written[:10]) if written else None
    except ValueError:
        raise Odd(f"“{_shown(path)}” is not a date") from None


def moment(row: Row, path: Path) -> datetime:
    """A time at a path, UTC. Raises Drift."""
    written = required(row, path)
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise Odd(f"“{_shown(path)}” is not a time") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def flag(row: Row, path: Path) -> bool:
    """A yes or no at a path; null is no. Raises Drift."""
    return of_type(row, path, bool) is True


def choice(row: Row, path: Path, known: Mapping[str, T]) -> T:
    """What the value at a path means to us. Raises Drift for a value that nobody has agreed on."""
    found = text(row, path)
    if found not in known:
        raise Odd(f"“{_shown(path)}” has a value that is not on the agreed list")
    return known[found]


def listed(row: Row, path: Path) -> Sequence[Row]:
    """The objects in the list at a path. Raises Drift."""
    return objects(at(row, path), path)


def objects(found: Any, path: Path = "it") -> Sequence[Row]:
    """A list of objects. Raises Drift when it is anything else."""
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise Drift(f"“{_shown(path)}” is not a list of objects")
    return found


def object_of(content: Any) -> Row:
    """The content itself, which must be an object. Raises Drift."""
    if not isinstance(content, Mapping):
        raise Drift("it is not an object")
    return content
