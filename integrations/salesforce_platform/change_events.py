"""What a change event says: which records have changed, and which of their fields.

An event is only a hint of what to read: it holds the fields that changed and no others, amounts as
binary floats, and nothing of related records.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from integrations import exact_json
from integrations.shape import Drift, Row, at, listed, object_of, of_type, required

_UNREADABLE = (
    EOFError, ValueError, LookupError, TypeError, ArithmeticError, struct.error,
    MemoryError, RecursionError, StopIteration, SchemaParseException,
)  # fmt: skip
"""What foreign bytes can make of a decoder."""
_ID_LENGTHS = {15, 18}


@dataclass(frozen=True, slots=True)
class Told:
    """One event. `fields` are those that changed, None when any may have."""

    refs: tuple[str, ...]
    fields: frozenset[str] | None
    committed_at: datetime

    def concerns(self, watched: Collection[str]) -> bool:
        """Whether a fact can have come of it."""
        return self.fields is None or not self.fields.isdisjoint(watched)


def told(schema: str, payload: bytes) -> Told | None:
    """What an event says; None when it names no record, as the vendor's GAP_OVERFLOW does. Raises
    Drift."""
    try:
        content = exact_json.decode(schema)
        event = fastavro.schemaless_reader(io.BytesIO(payload), content, None)
    except _UNREADABLE as error:
        raise Drift(f"the event cannot be read ({type(error).__name__})") from None
    header = object_of(at(object_of(event), "ChangeEventHeader"))
    refs = _texts(header, "recordIds")
    kind = required(header, "changeType")
    if kind == "GAP_OVERFLOW" or not refs or not all(_is_id(ref) for ref in refs):
        return None
    try:
        at_second = (of_type(header, "commitTimestamp", int) or 0) / 1000
        committed_at = datetime.fromtimestamp(at_second, UTC)
    except (OverflowError, OSError, ValueError):
        raise Drift("“commitTimestamp” is not a time") from None
    return Told(refs, _fields(kind, header, object_of(content)), committed_at)


def _is_id(text: str) -> bool:
    return len(text) in _ID_LENGTHS and text.isascii() and text.isalnum() and text.strip("0A") != ""


def _texts(header: Row, name: str) -> tuple[str, ...]:
    found = of_type(header, name, list) or []
    if not all(isinstance(one, str) for one in found):
        raise Drift(f"“{name}” is not a list of texts")
    return tuple(found)


def _fields(kind: str, header: Row, schema: Mapping[str, Any]) -> frozenset[str] | None:
    """The changed fields of an update; with a compound one among them, any may have changed."""
    marks = _texts(header, "changedFields")
    if kind != "UPDATE" or not marks or any("-" in mark for mark in marks):
        return None
    names = [required(field, "name") for field in listed(schema, "fields")]
    try:
        bits = [int(mark, 16) for mark in marks]
    except ValueError:
        raise Drift("“changedFields” is not a bitmap") from None
    if any(bit >> len(names) for bit in bits):
        return None
    return frozenset(name for i, name in enumerate(names) if any(bit >> i & 1 for bit in bits))
