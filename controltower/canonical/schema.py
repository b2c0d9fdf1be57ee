"""What a partner may send us, as JSON Schema 2020-12 derived from the canonical records.

The files under `schemas/` are these, written down for partners; a test keeps them equal.
`python -m controltower.canonical.schema` writes them anew.
"""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from controltower.canonical.contracts import DIALECT
from controltower.canonical.events import (
    CONTRACT_SIGNED,
    EXPENSE_APPROVED,
    MILESTONE_APPROVED,
    OPPORTUNITY_WON,
    TIMESHEET_APPROVED,
)
from controltower.canonical.records import (
    Contract,
    Expense,
    Milestone,
    Opportunity,
    Record,
    TimeEntry,
)

ACCEPTED: dict[str, tuple[type[Record], dict[str, bool]]] = {
    CONTRACT_SIGNED: (Contract, {}),
    OPPORTUNITY_WON: (Opportunity, {"won": True}),
    TIMESHEET_APPROVED: (TimeEntry, {"approved": True}),
    EXPENSE_APPROVED: (Expense, {"approved": True}),
    MILESTONE_APPROVED: (Milestone, {"approved": True}),
}
"""Event types taken at the webhook door: the record in `data`, and what the type itself says."""

FOLDER = Path(__file__).parent / "schemas"
LONGEST_TEXT, LONGEST_ID, LONGEST_CODE = 400, 120, 60
BOUND = 10**15
"""No amount, rate or number of hours reaches this; the books could not hold it."""

_PLAIN: dict[Any, dict[str, Any]] = {
    Decimal: {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": -BOUND, "exclusiveMaximum": BOUND},
            {"type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,18})?$", "maxLength": 36},
        ]
    },
    date: {"type": "string", "format": "date"},
    bool: {"type": "boolean"},
}


def of_event(event_type: str) -> dict[str, Any]:
    """The schema of an event's `data`. Raises KeyError for a type that is not accepted."""
    kind, says = ACCEPTED[event_type]
    schema = _object(kind)
    for name, value in says.items():
        schema["properties"][name] = {"const": value}
    return {
        "$schema": DIALECT,
        "title": f"data of {event_type}",
        **schema,
    }


def of_record(kind: type[Record]) -> dict[str, Any]:
    """The schema of a canonical record as it is."""
    return {"$schema": DIALECT, "title": kind.__name__, **_object(kind)}


def _object(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    required = [
        part.name
        for part in fields(kind)
        if part.default is MISSING and part.default_factory is MISSING
    ]
    return {
        "type": "object",
        "properties": {part.name: _value(part.name, hints[part.name]) for part in fields(kind)},
        "required": required,
        "additionalProperties": False,
    }


def _value(name: str, hint: Any) -> dict[str, Any]:
    if get_origin(hint) in (Union, types.UnionType):
        inner = next(part for part in get_args(hint) if part is not type(None))
        return {"anyOf": [_value(name, inner), {"type": "null"}]}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _value(name, get_args(hint)[0])}
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [one.value for one in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    return _text(name)


def _text(name: str) -> dict[str, Any]:
    if name in {"source_id", "number"}:
        return {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}
    if name.endswith(("_id", "_code")) or name in {"entity", "currency", "po_number"}:
        return {"type": "string", "maxLength": LONGEST_CODE}
    return {"type": "string", "maxLength": LONGEST_TEXT}


def as_text(event_type: str) -> str:
    """The schema as it stands in its file."""
    return json.dumps(of_event(event_type), indent=2) + "\n"


def write() -> None:
    """Write every schema to its file."""
    for event_type in ACCEPTED:
        (FOLDER / f"{event_type}.json").write_text(as_text(event_type), encoding="utf-8")


if __name__ == "__main__":
    write()
