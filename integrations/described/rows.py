"""Rows of a described system: their ids, their places in a feed, what they say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controltower.canonical.records import Record
from controltower.canonical.verdicts import Done, Outcome
from integrations.answers import as_agreed
from integrations.connector import Key
from integrations.described import moments, reading
from integrations.described.client import content_at
from integrations.described.description import RECORDS, Finding, Resource
from integrations.http import Answer
from integrations.places import Place
from integrations.shape import Drift, Row, at, object_of


def read(resource: Resource, row: Row) -> Record:
    return reading.record(RECORDS[resource.record], resource.fields, row)


def id_of(resource: Resource, row: Row) -> str:
    found = at(row, resource.id)
    if isinstance(found, bool) or not isinstance(found, int | str) or found == "":
        raise Drift(f"“{resource.id}” is no id")
    return str(found)


def place_of(resource: Resource, row: Row) -> Place:
    return Place(changed(resource, row), id_of(resource, row))


def changed(resource: Resource, row: Row) -> datetime:
    return moments.read(row, resource.changed, resource.changed_format)


def placed(resource: Resource, rows: Sequence[Row]) -> dict[Place, Row]:
    """Rows by their places. Raises CallFailed."""
    return as_agreed(lambda: {place_of(resource, row): row for row in rows})


def done(resource: Resource, answer: Answer) -> Done:
    row = object_of(content_at(answer, resource.record_at))
    return Done(
        ref=id_of(resource, row),
        outcome=Outcome.READ,
        version=changed(resource, row).isoformat() if resource.changed else "",
        values=read(resource, row).as_dict(),
        exchange=answer.exchange,
    )


def shows(row: Row, find: Finding, wanted: str) -> bool:
    return str(at(row, find.at)) == wanted


def key_of(record: Record, place: Place) -> Key:
    amount = str(getattr(record, "amount", ""))
    currency = str(getattr(record, "currency", ""))
    return Key(record.source_id, record.source_id, place.at.isoformat(), amount, currency)
