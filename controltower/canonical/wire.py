"""Canonical records to and from plain JSON values, without losing a cent or a date."""

from __future__ import annotations

import math
import types
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from controltower.canonical.money import NotAnAmount

T = TypeVar("T")
Number = TypeVar("Number", bound=Decimal | float)
_PLAIN = frozenset({str, int, bool, types.NoneType, date, datetime, UUID})
"""Types of which every value has a word in JSON."""


def to_json(value: Any) -> Any:
    """Turn records, decimals and dates into JSON values; decimals become exact text.

    Raises NotAnAmount for NaN and infinities, for which JSON has no word.
    """
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        return str(_finite(value))
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_json(getattr(value, name)) for name in _names(type(value))}
    return _finite(value) if isinstance(value, float) else value


def require_finite(values: Collection[Any]) -> None:
    """Whether each number among the values, however deep, is one. Raises NotAnAmount."""
    if _PLAIN.issuperset(map(type, values)):
        return
    for value in values:
        if isinstance(value, Mapping):
            require_finite(value.values())
        elif isinstance(value, (list, tuple)):
            require_finite(value)
        elif isinstance(value, (Decimal, float)):
            _finite(value)


def _finite(number: Number) -> Number:
    if number.is_finite() if isinstance(number, Decimal) else math.isfinite(number):
        return number
    raise NotAnAmount(str(number))


def from_json(kind: type[T], data: Mapping[str, Any]) -> T:
    """Rebuild a dataclass from `to_json`'s result; unknown keys are ignored. Raises NotAnAmount for
    an amount that is NaN or infinite: a text may say so."""
    hints = _hints(kind)  # type: ignore[arg-type] # a class is hashable, whatever mypy says
    return kind(**{key: _restore(hints[key], item) for key, item in data.items() if key in hints})


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind))


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    """What a dataclass's fields hold when not None: finding out takes longer than all the rest."""
    return {name: _present(hint) for name, hint in get_type_hints(kind).items()}


def _present(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _restore(hint: Any, value: Any) -> Any:
    if value is None or hint in (str, bool):
        return value
    if hint is Decimal:
        return _finite(Decimal(str(value)))
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is date:
        return date.fromisoformat(value)
    if get_origin(hint) is tuple:
        return tuple(_restore(_present(get_args(hint)[0]), item) for item in value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        return from_json(hint, value)
    return value
