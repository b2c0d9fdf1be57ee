"""CloudEvents 1.0 in structured JSON, one in the field “event” of each entry of a stream."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from controltower.canonical import cloud_event, strict_json
from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import Record
from controltower.canonical.schema import ACCEPTED
from controltower.canonical.wire import to_json
from integrations import exact_json
from integrations.connector import Change, Key
from integrations.event_broker.client import Reply
from integrations.shape import Drift, Row, object_of, required, text

FIELD = b"event"
ATTRIBUTES = (
    "type", "subject", "time", "partitionkey", "sequence", "correlationid", "dataschema",
)  # fmt: skip
WHEN = frozenset({"time", "sequence"})
ENTRY = re.compile(r"[0-9]{1,19}(-[0-9]{1,19})?")
_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a stream: its place, and the event that it holds."""

    place: str
    event: bytes

    @property
    def at(self) -> datetime:
        """When the broker took it in."""
        return datetime.fromtimestamp(int(self.place.partition("-")[0]) / 1000, UTC)


def entries(reply: Reply) -> list[Entry]:
    """The entries of a reply that are still there. Raises Drift for one that holds no event."""
    return [entry(place.decode(), fields) for place, fields in reply or () if fields]


def entry(place: str, fields: Sequence[bytes]) -> Entry:
    """An entry by its place and its fields. Raises Drift when none of them holds an event."""
    pairs = dict(zip(fields[::2], fields[1::2], strict=True))
    if FIELD not in pairs:
        raise Drift(f"an entry has no field “{FIELD.decode()}”")
    return Entry(place, pairs[FIELD])


def kept_of(place: str, fields: Sequence[bytes]) -> tuple[str, bytes]:
    """What is kept of an entry that cannot be read: the event's id, or its place where it says
    none, and the event, or everything where it holds none."""
    raw = dict(zip(fields[::2], fields[1::2], strict=True)).get(FIELD, b" ".join(fields))
    try:
        return required(content_of(raw), "id"), raw
    except Drift:
        return place, raw


def written(record: Mapping[str, Any], source: str, event_id: str) -> bytes:
    """A record as an event: what is no attribute of it is its data."""
    said = {name: str(record[name]) for name in ATTRIBUTES if record.get(name)}
    data = {name: value for name, value in record.items() if name not in {"id", *ATTRIBUTES}}
    head = {"specversion": "1.0", "id": event_id, "source": source}
    event = {**head, **said, "datacontenttype": cloud_event.JSON, "data": to_json(data)}
    return exact_json.encode(event).encode()


def content_of(raw: bytes) -> Row:
    """A decoded event. Raises Drift."""
    try:
        return object_of(exact_json.decode(raw))
    except ValueError:
        raise Drift("an event is not JSON") from None


def matter_of(raw: bytes) -> Row:
    """What an event of ours says, but for when: a tower restored from a backup verifies anew what
    it told before, and that is the same event. Raises Drift."""
    return {name: said for name, said in content_of(raw).items() if name not in WHEN}


def values_of(raw: bytes) -> dict[str, Any]:
    """What an event of ours says: its data beside its attributes. Raises Drift."""
    content = content_of(raw)
    known = {name: text(content, name) for name in ATTRIBUTES if name in content}
    return {**object_of(content.get("data")), **known, "id": required(content, "id")}


def key_of(entry: Entry) -> Key:
    """What reconciliation compares. Raises Drift."""
    said = values_of(entry.event)
    amount = str(Decimal(str(said["amount"]))) if said.get("amount") else ""
    return Key(entry.place, said["id"], entry.place, amount, str(said.get("currency") or ""))


def change(source: str, entry: Entry) -> Change | None:
    """The fact that an event of another system tells; None for a type that nobody here takes.

    Producers name their events each for itself, so that a fact's id holds the producer. Raises
    Drift for an event of a type that is taken and cannot be read.
    """
    try:
        content = strict_json.decode(entry.event)
        if not isinstance(content, dict) or content.get("type") not in ACCEPTED:
            return None
        event = _told(source, content, entry.event)
    except (strict_json.NotStrictJson, cloud_event.Malformed) as problem:
        raise Drift(f"an event of the stream cannot be read ({problem})") from None
    return Change(raw=entry.event, event=event)


def retold(raw: bytes) -> Record:
    """What the bytes of a change mean."""
    return _told("", strict_json.decode(raw), raw).record


def _told(source: str, content: Any, raw: bytes) -> CanonicalEvent:
    message = cloud_event.structured(content, raw)
    event = cloud_event.translate(message, source, datetime.now(UTC))
    name = f"{content['source']} {event.id}"
    if len(name) > _LONGEST_ID:
        name = hashlib.sha256(name.encode()).hexdigest()
    return replace(event, id=name, subject=f"{event.type.partition('.')[0]}:{event.subject}"[:120])
