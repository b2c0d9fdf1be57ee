"""How one canonical entity is kept in the org: object, fields, feed and translation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from controltower.canonical.events import BusinessKey
from controltower.canonical.records import Record
from controltower.canonical.verdicts import Done, Exchange, FieldError, Kind, Outcome, Rejected
from integrations.connector import Key
from integrations.shape import Row, at, figure, moment, required, text

EXTERNAL_ID = "Tower_External_Id__c"
CORRELATION_ID = "Tower_Correlation_Id__c"
PROJECTS_CORRELATION_ID = f"pse__Project__r.{CORRELATION_ID}"
DELETED = "IsDeleted"
MERGED_INTO = "MasterRecordId"
"""Of a record that was deleted by a merge: the one that is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity. `paths` are read; `translate` turns a row into the canonical record.

    `feed` is the SOQL condition of records that are facts ("" = no change feed) and `event_type`
    what they are; with `hears_deletion` records in the recycle bin are facts too. `identity` names
    the fields whose values make a fact the same fact, so that what the tower itself writes back
    never makes a new one; what a row says `besides` does, though another field of it does not.
    `happened` names the fields that say when it came to be, the surest first. `numbers` are sent
    as JSON numbers.
    """

    object: str
    paths: tuple[str, ...]
    translate: Callable[[Row], Record | dict[str, Any]]
    feed: str = ""
    event_type: str = ""
    hears_deletion: bool = False
    identity: tuple[str, ...] = ()
    besides: Callable[[Row], str] = lambda row: ""
    happened: tuple[str, ...] = ()
    keys: Callable[[Row], tuple[BusinessKey, ...]] = lambda row: ()
    key_field: str = "Id"
    amount_field: str = ""
    numbers: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()

    def digest(self, row: Row) -> str:
        """The identity of the fact in a row."""
        text = "\x1f".join(f"{name}={at(row, name)}" for name in self.identity)
        if besides := self.besides(row):
            text += f"\x1f{besides}"
        if is_deleted(row):
            text += f"\x1fdeleted {row.get(MERGED_INTO)}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def happened_at(self, row: Row) -> datetime:
        """When the fact in a row came to be; when the record was last changed, where no field says
        so. Raises Drift."""
        named = () if is_deleted(row) else self.happened
        told = next((name for name in named if row.get(name)), "SystemModstamp")
        return moment(row, told)

    def correlation(self, row: Row) -> str:
        """Our correlation id, where the record or its project carries it. Raises Drift."""
        paths = [p for p in (CORRELATION_ID, PROJECTS_CORRELATION_ID) if p in self.paths]
        return next((found for path in paths if (found := text(row, path))), "")

    def found(self, row: Row, exchange: Exchange) -> Done:
        """What was read, in canonical words. Raises Drift."""
        record = self.translate(row)
        return Done(
            ref=required(row, "Id"),
            outcome=Outcome.READ,
            version=required(row, "SystemModstamp"),
            values=record.as_dict() if isinstance(record, Record) else record,
            exchange=exchange,
        )

    def key(self, row: Row) -> Key:
        """What reconciliation compares. Raises Drift."""
        return Key(
            ref=required(row, "Id"),
            key=text(row, self.key_field),
            version=required(row, "SystemModstamp"),
            amount=figure(row, self.amount_field) if self.amount_field else "",
            currency=text(row, "CurrencyIsoCode") if "CurrencyIsoCode" in self.paths else "",
        )

    def objection(self, record: Mapping[str, Any]) -> Rejected | None:
        """Why the org would certainly refuse a new record: what it needs is empty."""
        missing = [name for name in self.required if record.get(name) in (None, "", [])]
        if not missing:
            return None
        return Rejected(
            kind=Kind.VALIDATION,
            text=f"{self.object} needs {', '.join(missing)}.",
            fields=tuple(FieldError(name, "is empty") for name in missing),
        )


def is_deleted(row: Row) -> bool:
    """Whether a record is in the recycle bin; rows of feeds that do not hear of that are not."""
    return row.get(DELETED) is True


def selection(kind: Entity, condition: str, order: str) -> str:
    """The query for an entity's rows; foreign text is in `condition` only through `quoted`."""
    fields = ", ".join(kind.paths)
    return f"SELECT {fields} FROM {kind.object} WHERE {condition} ORDER BY {order}"  # noqa: S608


def encoded(kind: Entity, record: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as the wire wants them: amounts as exact numbers, empty text as null."""
    return {name: _encoded(kind, name, value) for name, value in record.items()}


def _encoded(kind: Entity, name: str, value: Any) -> Any:
    if value == "":
        return None
    if name in kind.numbers and isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    return value
