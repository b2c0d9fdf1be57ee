"""A row of the other system in canonical words, by the description's rules.

Nothing is guessed: what a rule names must be there (unless the rule is `optional`), be of the
field's type, and be on the agreed list; else the two systems have drifted apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.records import Record
from controltower.canonical.rules import apply
from integrations import exact_json, shape
from integrations.connector import Change
from integrations.described import forms
from integrations.shape import Drift, Row

T = TypeVar("T")
Rules = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a change is: of which entity, which kind of event, and when (UTC)."""

    entity: str
    type: str
    at: datetime


def record(kind: type[T], rules: Rules, row: Row) -> T:
    """The row as a canonical record. Raises Drift."""
    _complete(rules, row)
    applied = apply(rules, row)
    if applied.gaps:
        raise Drift(f"“{applied.gaps[0].field}” is empty, or not on the agreed list")
    formed = {
        str(rule["target"]): forms.read(rule, row, applied.record[str(rule["target"])])
        for rule in rules
    }
    return _record(kind, nested(formed), "")


def _complete(rules: Rules, row: Row) -> None:
    """What rules name must be there, in lists too. Raises Drift."""
    for rule in rules:
        source = str(rule.get("source") or "")
        if not source or rule.get("optional"):
            continue
        found = shape.at(row, source)
        if rule["rule"] == "each" and found is not None:
            for element in shape.objects(found, source):
                _complete(rule["rules"], element)


def unknown_fields(kind: Any, rules: Rules) -> Iterator[tuple[str, Sequence[str]]]:
    """The targets of rules that are no field of the record, and the fields that stand where the
    unknown one was looked for."""
    for rule in rules:
        owner: Any = kind
        for name in str(rule.get("target", "")).split("."):
            hints = _hints(owner) if is_dataclass(owner) else {}
            if name not in hints:
                yield str(rule.get("target", "")), sorted(hints)
                break
            owner = hints[name]
        else:
            if rule.get("rule") == "each":
                yield from unknown_fields(_element(owner), rule.get("rules", ()))


def _element(hint: Any) -> Any:
    """What a list's field holds."""
    return get_args(hint)[0] if get_origin(hint) is tuple else hint


def change(source: str, found: Record, row: Row, told: Told) -> Change:
    """One fact. Its id is made of what it says, so that a message and a list tell it once."""
    digest = hashlib.blake2b(exact_json.encode(found.as_dict()).encode(), digest_size=8)
    subject = f"{told.entity}:{found.source_id}"
    event = CanonicalEvent(
        id=f"{subject}:{digest.hexdigest()}",
        type=told.type,
        source=f"{source}/{told.entity}",
        subject=subject,
        time=told.at,
        version=told.at.isoformat(timespec="microseconds"),
        record=found,
        keys=(BusinessKey(told.entity, found.source_id),),
    )
    return Change(raw=exact_json.encode(row).encode(), event=event)


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Targets with dots are members of members, in lists too."""
    found: dict[str, Any] = {}
    for target, value in flat.items():
        owner, (*path, last) = found, target.split(".")
        for name in path:
            owner = owner.setdefault(name, {})
        owner[last] = _each_nested(value) if isinstance(value, list) else value
    return found


def _each_nested(values: Sequence[Any]) -> list[Any]:
    return [nested(one) if isinstance(one, Mapping) else one for one in values]


def _hints(kind: Any) -> dict[str, Any]:
    """What a record's fields hold when they are not None."""
    return _known_hints(kind)


@cache
def _known_hints(kind: Hashable) -> dict[str, Any]:
    return {name: _present(hint) for name, hint in get_type_hints(kind).items()}


def _present(hint: Any) -> Any:
    inner = [part for part in get_args(hint) if part is not type(None)]
    return inner[0] if type(None) in get_args(hint) else hint


def _record(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    hints = _hints(kind)
    given = {
        name: _value(hints[name], value, f"{where}{name}")
        for name, value in values.items()
        if value is not None and value != ""
    }
    for part in fields(kind):  # type: ignore[arg-type] # every record is a dataclass
        if part.default is MISSING and part.default_factory is MISSING and part.name not in given:
            raise Drift(f"“{where}{part.name}” is empty")
    return kind(**given)


def _value(hint: Any, value: Any, where: str) -> Any:
    """A value as its field holds it. Raises Drift."""
    row: Row = {where: value}
    at = (where,)
    if get_origin(hint) is tuple:
        items = shape.of_type(row, at, list) or []
        return tuple(_value(get_args(hint)[0], item, where) for item in items)
    if is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, shape.object_of(value), f"{where}.")
    if hint is Decimal:
        return shape.amount_text(row, at) if isinstance(value, str) else shape.amount(row, at)
    if hint is date:
        return shape.day(row, at)
    if hint is bool:
        return shape.flag(row, at)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return shape.choice(row, at, {one.value: one for one in hint})
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return shape.text(row, at)
