"""How one canonical entity is kept in the org: object, fields, feed and translation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from controltower.canonical.events import BusinessKey
from controltower.canonical.records import Record

Row = Mapping[str, Any]
EXTERNAL_ID = "Tower_External_Id__c"
CORRELATION_ID = "Tower_Correlation_Id__c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity. `paths` are read; `translate` turns a row into the canonical record.

    `feed` is the SOQL condition of records that are facts ("" = no change feed) and `event_type`
    what they are; `identity` names the fields whose values make a fact the same fact, so that what
    the tower itself writes back never makes a new one. `numbers` are sent as JSON numbers.
    """

    object: str
    paths: tuple[str, ...]
    translate: Callable[[Row], Record | dict[str, Any]]
    feed: str = ""
    event_type: str = ""
    identity: tuple[str, ...] = ()
    keys: Callable[[Row], tuple[BusinessKey, ...]] = lambda row: ()
    key_field: str = "Id"
    amount_field: str = ""
    numbers: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()

    def digest(self, row: Row) -> str:
        """The identity of the fact in a row."""
        text = "\x1f".join(f"{name}={at(row, name)}" for name in self.identity)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def at(row: Row, path: str) -> Any:
    """The value at a dotted path; None when any part is empty."""
    found: Any = row
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def text(row: Row, path: str) -> str:
    """Text at a path, "" when empty."""
    found = at(row, path)
    return "" if found is None else str(found)


def amount(row: Row, path: str) -> Decimal:
    """A number at a path, exactly as it was written; zero when empty."""
    found = at(row, path)
    return Decimal(0) if found is None else Decimal(found)


def day(row: Row, path: str) -> date | None:
    """A date at a path."""
    found = at(row, path)
    return None if found is None else date.fromisoformat(str(found)[:10])


def flag(row: Row, path: str) -> bool:
    """A checkbox at a path."""
    return at(row, path) is True
