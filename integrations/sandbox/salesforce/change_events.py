"""Change events as the vendor encodes them: Avro, by a schema that is made of the object."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import fastavro

from integrations.sandbox.salesforce.bus import Happening
from integrations.sandbox.salesforce.schema import NUMERIC, OBJECTS, Field, SObject, Type

KINDS = (
    "CREATE", "UPDATE", "DELETE", "UNDELETE",
    "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT",
)  # fmt: skip
_UNTOLD = {"Id", "IsDeleted", "SystemModstamp"}
_ADDRESS = "BillingAddress"
_NAMESPACE = "com.sforce.eventbus"


def topic_of(sobject: SObject) -> str:
    """Where an object's changes are told: ``/data/OpportunityChangeEvent``."""
    return f"/data/{_event_name(sobject)}"


def object_told_at(topic: str) -> SObject | None:
    """The object of a topic, or None."""
    return next((one for one in OBJECTS.values() if topic_of(one) == topic), None)


def object_of_schema(schema_id: str) -> SObject | None:
    """The object whose events have this schema, or None."""
    return next((one for one in OBJECTS.values() if schema_id_of(one) == schema_id), None)


@cache
def schema_text(name: str) -> str:
    """The Avro schema of an object's change events, as JSON."""
    sobject = OBJECTS[name]
    fields: list[Mapping[str, Any]] = [
        {"name": "ChangeEventHeader", "type": _header(), "doc": "Data:Record:00Dxx"}
    ]
    for told, inner in _told(sobject).items():
        kind: Any = _kind(sobject.fields[told]) if not inner else _address(sobject, inner)
        fields.append({"name": told, "type": ["null", kind], "doc": "Data", "default": None})
    record = {"type": "record", "namespace": _NAMESPACE, "fields": fields}
    return json.dumps({**record, "name": _event_name(sobject)})


def schema_id_of(sobject: SObject) -> str:
    """The schema's fingerprint."""
    return hashlib.md5(schema_text(sobject.name).encode(), usedforsecurity=False).hexdigest()


def payload_of(happening: Happening) -> bytes:
    """The event's Avro bytes, header first."""
    sobject = OBJECTS[happening.object]
    is_gap = happening.kind.startswith("GAP_")
    values = {} if is_gap else dict(happening.values)
    body: dict[str, Any] = {}
    for told, inner in _told(sobject).items():
        if inner:
            known = {_inner(name): _plain(sobject.fields[name], values.get(name)) for name in inner}
            body[told] = known if any(name in values for name in inner) else None
        else:
            body[told] = _plain(sobject.fields[told], values.get(told))
    header = {
        "entityName": sobject.name,
        "recordIds": list(happening.refs),
        "changeType": happening.kind,
        "changeOrigin": "com/salesforce/api/rest/61.0",
        "transactionKey": f"{happening.number:08x}-0000-0000-0000-000000000000",
        "sequenceNumber": 1,
        "commitTimestamp": happening.committed_at,
        "commitNumber": happening.number,
        "commitUser": "005Tw0000000001IAA",
        "nulledFields": _bitmaps(sobject, [n for n, value in values.items() if value is None]),
        "diffFields": [],
        "changedFields": _bitmaps(sobject, values) if happening.kind == "UPDATE" else [],
    }
    written = io.BytesIO()
    schema = _parsed(sobject.name)
    fastavro.schemaless_writer(written, schema, {"ChangeEventHeader": header, **body})
    return written.getvalue()


@cache
def _parsed(name: str) -> Any:
    return fastavro.parse_schema(json.loads(schema_text(name)))


def _event_name(sobject: SObject) -> str:
    return (
        f"{sobject.name.removesuffix('c')}ChangeEvent"
        if sobject.name.endswith("__c")
        else (f"{sobject.name}ChangeEvent")
    )


def _told(sobject: SObject) -> dict[str, tuple[str, ...]]:
    """The event's fields in order; an address is one of them, with fields of its own."""
    told: dict[str, tuple[str, ...]] = {}
    for name in sobject.fields:
        if name.startswith("Billing") and not name.endswith("__c"):
            told[_ADDRESS] = (*told.get(_ADDRESS, ()), name)
        elif name not in _UNTOLD:
            told[name] = ()
    return told


def _bitmaps(sobject: SObject, names: Collection[str]) -> list[str]:
    """Which fields, as the vendor says it: a bit for each position, the lowest first; an address's
    own fields as ``position-bits``."""
    top, below = 0, []
    for place, (told, inner) in enumerate(_told(sobject).items(), start=1):
        bits = sum(1 << i for i, name in enumerate(inner) if name in names)
        top |= (1 << place) if told in names else 0
        below += [f"{place}-0x{bits:X}"] if bits else []
    return ([f"0x{_even(top)}"] if top else []) + below


def _even(bits: int) -> str:
    text = f"{bits:X}"
    return text if len(text) % 2 == 0 else f"0{text}"


def _kind(field: Field) -> str:
    if field.type is Type.BOOLEAN:
        return "boolean"
    if field.type in NUMERIC:
        return "double"
    return "long" if field.type in (Type.DATE, Type.DATETIME) else "string"


def _plain(field: Field, stored: Any) -> Any:
    if stored is None:
        return None
    kind = _kind(field)
    if kind == "boolean":
        return bool(stored)
    if kind == "double":
        return float(stored)
    if kind == "long":
        return int(datetime.fromisoformat(stored if "T" in stored else f"{stored}T00:00:00+00:00")
                   .timestamp() * 1000)  # fmt: skip
    return str(stored)


def _inner(name: str) -> str:
    return name.removeprefix("Billing")


def _address(sobject: SObject, names: Collection[str]) -> Mapping[str, Any]:
    inner = [
        {"name": _inner(name), "type": ["null", _kind(sobject.fields[name])], "default": None}
        for name in names
    ]
    return {"type": "record", "name": "Address", "namespace": _NAMESPACE, "fields": inner}


def _header() -> Mapping[str, Any]:
    def many(name: str) -> dict[str, Any]:
        return {"name": name, "type": {"type": "array", "items": "string"}}

    kinds = {"type": "enum", "name": "ChangeType", "symbols": list(KINDS)}
    return {
        "type": "record",
        "name": "ChangeEventHeader",
        "namespace": _NAMESPACE,
        "fields": [
            {"name": "entityName", "type": "string"},
            many("recordIds"),
            {"name": "changeType", "type": kinds},
            {"name": "changeOrigin", "type": "string"},
            {"name": "transactionKey", "type": "string"},
            {"name": "sequenceNumber", "type": "int"},
            {"name": "commitTimestamp", "type": "long"},
            {"name": "commitNumber", "type": "long"},
            {"name": "commitUser", "type": "string"},
            many("nulledFields"),
            many("diffFields"),
            many("changedFields"),
        ],
    }
