"""Reading a vendor's answer: what is not shaped as agreed is told, never guessed at.

A path is dotted, or its steps where names hold dots. A member that is null is empty; one that is
missing, or of another type, means that the vendor's contract and ours have drifted apart, unless
people have agreed on it (`agreeing`). What is read can be noted (`noting`): it is the contract.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, cast

from controltower.canonical.contracts import (
    EACH,
    EMPTY,
    MISSING,
    NOBODY_KNOWS,
    NOTHING_TAKEN,
    NUMBER,
    TEXT,
    TYPE,
    UNSHAPED,
    VALUE,
    Difference,
    Terms,
)
from controltower.canonical.verdicts import Exchange, Kind, Misconfigured, Unknown

T = TypeVar("T")
Row = Mapping[str, Any]
Path = str | tuple[str, ...]

_MOST_DIGITS = 15
_MOST_DECIMALS = 18
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
"""No database of ours can keep a NUL or half a character."""


_CODE = re.compile(r"[\w][\w .,/&+\-]{0,58}")
"""What may be quoted of a value that was to come from a list: short, and no mail address."""
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_MOST_QUOTED = 8
_TYPES = {
    str: TEXT, int: NUMBER, Decimal: NUMBER, bool: "yes or no", list: "a list",
    dict: "an object", Mapping: "an object", date: "a date", datetime: "a time",
}  # fmt: skip


class Drift(Exception):
    """An answer is not shaped as agreed: a `Difference`, or words that say where. Its content is
    not quoted, save the short code that came from beyond an agreed list."""

    def verdict(self, exchange: Exchange | None = None) -> Misconfigured:
        """For a read: a person must look at what the vendor has changed."""
        text = f"{UNSHAPED}{self}. {NOTHING_TAKEN}"
        return Misconfigured(kind=Kind.CONTRACT, text=text, exchange=exchange)

    def doubt(self, exchange: Exchange) -> Unknown:
        """For a write: the answer does not tell what was done."""
        text = f"{UNSHAPED}{self}. {NOBODY_KNOWS}"
        return Unknown(text=text, exchange=exchange)


class Odd(Drift):
    """A value that cannot be used, in an answer whose shape is as agreed: the row's own trouble."""


@dataclass(slots=True)
class Notes:
    """What was read, by path, as JSON Schema has it. An object is known by where it was found."""

    fields: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    _places: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)

    def read(self, row: Row, path: Path, **said: Any) -> None:
        """A field of an object was read."""
        self.fields.setdefault(self._where(row, path), {}).update(said)

    def found(self, row: Row, path: Path, inner: Any) -> None:
        """Objects were found there, whose fields may be read next."""
        where = self._where(row, path)
        items = inner if isinstance(inner, list) else ()
        for one, place in [(inner, where), *((item, (*where, EACH)) for item in items)]:
            if isinstance(one, Mapping):
                self._places[id(one)] = place
                self._kept.append(one)

    def _where(self, row: Row, path: Path) -> tuple[str, ...]:
        return (*self._places.get(id(row), ()), *_steps(path))


_agreed: ContextVar[Terms | None] = ContextVar("agreed", default=None)
_notes: ContextVar[Notes | None] = ContextVar("notes", default=None)


@contextmanager
def agreeing(terms: Terms) -> Iterator[None]:
    """Read by what people have agreed on, too."""
    token = _agreed.set(terms)
    try:
        yield
    finally:
        _agreed.reset(token)


@contextmanager
def noting() -> Iterator[Notes]:
    """Note what is read meanwhile."""
    token = _notes.set(notes := Notes())
    try:
        yield notes
    finally:
        _notes.reset(token)


def _terms() -> Terms:
    return _agreed.get() or Terms()


def _note(row: Row, path: Path, **said: Any) -> None:
    if (notes := _notes.get()) is not None:
        notes.read(row, path, **said)


def _steps(path: Path) -> tuple[str, ...]:
    return tuple(path.split(".")) if isinstance(path, str) else path


def _shown(path: Path) -> str:
    return path if isinstance(path, str) else " ".join(path)


def at(row: Row, path: Path) -> Any:
    """The value at a path; None when it, or what it belongs to, is null. Raises Drift."""
    found: Any = row
    for step in path.split(".") if isinstance(path, str) else path:
        if found is None:
            break
        if not isinstance(found, Mapping):
            raise Drift(f"“{_shown(path)}” is not an object")
        if step not in found:
            if _shown(path) in _terms().optional:
                return None
            raise Drift(Difference(MISSING, _shown(path)))
        found = found[step]
    if (notes := _notes.get()) is not None:
        notes.read(row, path)
        notes.found(row, path, found)
    return found


def of_type(row: Row, path: Path, kind: type[T]) -> T | None:
    """The value at a path, None when null. Raises Drift when it is of another type."""
    found = at(row, path)
    _note(row, path, **_SAID.get(kind, {}))
    if found is None:
        return None
    if isinstance(found, kind) and not (kind is int and isinstance(found, bool)):
        return found
    if _shown(path) in _terms().types and (same := _converted(found, kind)) is not None:
        return same
    expected, came = (_TYPES.get(one, one.__name__) for one in (kind, type(found)))
    raise Drift(Difference(TYPE, _shown(path), expected, came))


def _converted(found: Any, kind: type[T]) -> T | None:
    """Text for the number that it writes, or the reverse; None for anything else."""
    same: Any = None
    if kind is str and isinstance(found, int | Decimal) and not isinstance(found, bool):
        same = str(found)
    elif kind is int and isinstance(found, str) and _WHOLE.fullmatch(found):
        same = int(found)
    return cast("T | None", same)


_SAID: Mapping[type[Any], Mapping[str, Any]] = {
    str: {"type": ["string", EMPTY]},
    int: {"type": ["integer", EMPTY]},
    bool: {"type": ["boolean", EMPTY]},
}


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
    _note(row, path, type="string")
    return found


def amount(row: Row, path: Path) -> Decimal:
    """A number at a path, exactly as it was written; zero when null. Raises Drift."""
    found = at(row, path)
    if isinstance(found, str) and _shown(path) in _terms().types:
        return amount_text(row, path)
    written = found if isinstance(found, Decimal) else of_type(row, path, int)
    _note(row, path, type=["number", EMPTY])
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
    _note(row, path, format="date")
    try:
        return date.fromisoformat(written[:10]) if written else None
    except ValueError:
        raise Odd(f"“{_shown(path)}” is not a date") from None


def moment(row: Row, path: Path) -> datetime:
    """A time at a path, UTC. Raises Drift."""
    written = required(row, path)
    _note(row, path, format="date-time")
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
    _note(row, path, enum=list(known))
    if found in known:
        return known[found]
    stands_for = _terms().values.get(_shown(path), {}).get(found, "")
    if stands_for in known:
        return known[stands_for]
    listed_ = ", ".join(f"“{one}”" for one in list(known)[:_MOST_QUOTED])
    came = f"“{found}”" if _CODE.fullmatch(found) else "another"
    raise Odd(Difference(VALUE, _shown(path), f"one of {listed_}", came))


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
