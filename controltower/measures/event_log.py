"""Journeys as an event log for process mining: OCEL 2.0 (ocel-standard.org) in its JSON form.

An event is what a transaction's timeline tells. It is about the transaction, whose type is its
process, about the chain that it stands in, and about the things that its business keys name. People
are in no log, neither by name nor by number, and no text that somebody wrote.

It is told in pieces: journeys are read along their index, some at a time, first for the objects and
then for the events. What has come between, while the tower works on, is in neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from controltower.transactions.models import BusinessKey, TimelineEntry, Transaction

AT_ONCE, PIECE = 500, 1 << 16
"""Journeys that are read, and bytes that are handed on, at once."""
CHAIN = "chain"
THINGS = (
    "approved work", "change order", "client", "customer", "delivered work", "invoice",
    "opportunity", "payroll", "period", "po", "project", "purchase", "retainer", "timecard",
)  # fmt: skip
"""Kinds of business keys that name things. What names people, or days of theirs, is left out."""
OF_JOURNEY = {
    "entity": "string",
    "state": "string",
    "amount": "float",
    "currency": "string",
    "promised": "time",
    "ended": "time",
}
OF_EVENT = {"step": "string", "by": "string"}
PERSON, TOWER = "person", "tower"

Json = Mapping[str, Any]


@dataclass(slots=True)
class _Told:
    """What has been said so far: which types there are, and which objects by their names."""

    object_types: dict[str, Mapping[str, str]] = field(default_factory=dict)
    event_types: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)


def begun(rows: QuerySet[Transaction], since: datetime, until: datetime) -> QuerySet[Transaction]:
    """Those that began in a time, its end left out: each with all that happened to it since."""
    return rows.filter(started_at__gte=since, started_at__lt=until)


def pieces(rows: QuerySet[Transaction]) -> Iterator[bytes]:
    """The log of these journeys in pieces of some size; together they are one JSON document."""
    held: list[bytes] = []
    size = 0
    for part in _document(rows):
        held.append(part)
        size += len(part)
        if size > PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _document(rows: QuerySet[Transaction]) -> Iterator[bytes]:
    told = _Told()
    yield b'{"objects":['
    yield from _joined(one for some in _parts(rows) for one in _objects(some, told))
    yield b'],"events":['
    yield from _joined(one for some in _parts(rows) for one in _events(some, told))
    kinds = [_type(name, of) for name, of in sorted(told.object_types.items())]
    happenings = [_type(name, OF_EVENT) for name in sorted(told.event_types)]
    yield b'],"objectTypes":' + _written(kinds)
    yield b',"eventTypes":' + _written(happenings) + b"}"


def _parts(rows: QuerySet[Transaction]) -> Iterator[list[Transaction]]:
    ordered = rows.select_related("entity").order_by("started_at", "pk")
    found = list(ordered[:AT_ONCE])
    while found:
        yield found
        last = found[-1]
        after = Q(started_at__gt=last.started_at) | Q(started_at=last.started_at, pk__gt=last.pk)
        found = list(ordered.filter(after, started_at__gte=last.started_at)[:AT_ONCE])


def _objects(some: list[Transaction], told: _Told) -> Iterator[Json]:
    things = _things(some)
    for one in some:
        told.object_types[one.process] = OF_JOURNEY
        told.objects.add(one.reference)
        yield {
            "id": one.reference,
            "type": one.process,
            "attributes": list(_attributes(one)),
            "relationships": _related([(CHAIN, one.correlation_id), *things.get(one.pk, ())]),
        }
        for kind, value in [(CHAIN, one.correlation_id), *things.get(one.pk, ())]:
            name = _name(kind, value)
            if name not in told.objects:
                told.objects.add(name)
                told.object_types[kind] = {}
                yield {"id": name, "type": kind, "attributes": [], "relationships": []}


def _attributes(one: Transaction) -> Iterator[Json]:
    """What is known of a journey, and since when."""
    known = {
        "entity": (one.entity.code if one.entity else None, one.started_at),
        "amount": (one.amount if one.currency else None, one.started_at),
        "currency": (one.currency, one.started_at),
        "promised": (one.due_at, one.started_at),
        "state": (one.state, one.changed_at),
        "ended": (one.ended_at, one.ended_at),
    }
    for name, (value, since) in known.items():
        if value not in (None, "") and since is not None:
            yield {"name": name, "time": since, "value": value}


def _events(some: list[Transaction], told: _Told) -> Iterator[Json]:
    things, happened = _things(some), _timeline(some)
    for one in some:
        if one.reference not in told.objects:
            continue
        about = _related([(CHAIN, one.correlation_id), *things.get(one.pk, ())])
        known = [thing for thing in about if thing["objectId"] in told.objects]
        related = [{"objectId": one.reference, "qualifier": "transaction"}, *known]
        for entry in happened.get(one.pk, ()):
            kind = f"{entry.step} {entry.kind}" if entry.step else entry.kind
            by = TOWER if entry.actor in ("", TOWER) else PERSON
            told.event_types.add(kind)
            yield {
                "id": str(entry.pk),
                "type": kind,
                "time": entry.at,
                "attributes": [{"name": "step", "value": entry.step}, {"name": "by", "value": by}],
                "relationships": related,
            }


def _timeline(some: list[Transaction]) -> Mapping[UUID, list[TimelineEntry]]:
    """What happened to each journey, in order."""
    found: dict[UUID, list[TimelineEntry]] = {}
    entries = TimelineEntry.objects.filter(transaction__in=some).defer("text", "detail")
    for entry in entries.order_by("id"):
        found.setdefault(entry.transaction_id, []).append(entry)
    return found


def _things(some: list[Transaction]) -> Mapping[UUID, list[tuple[str, str]]]:
    """The things that each journey is about: (kind, value)."""
    keys = BusinessKey.objects.filter(transaction__in=some, kind__in=THINGS).order_by("pk")
    found: dict[UUID, list[tuple[str, str]]] = {}
    for owner, kind, value in keys.values_list("transaction", "kind", "value"):
        found.setdefault(owner, []).append((kind, value))
    return found


def _related(things: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"objectId": _name(kind, value), "qualifier": kind} for kind, value in things]


def _name(kind: str, value: str) -> str:
    return f"{kind}:{value}"


def _type(name: str, attributes: Mapping[str, str]) -> Json:
    said = [{"name": key, "type": kind} for key, kind in attributes.items()]
    return {"name": name, "attributes": said}


def _joined(parts: Iterable[Json]) -> Iterator[bytes]:
    for number, one in enumerate(parts):
        yield b",\n"[: 2 * bool(number)] + _written(one)


def _written(said: object) -> bytes:
    return json.dumps(said, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    """Times in UTC as ISO 8601; amounts as numbers, which is all that the standard has."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)
