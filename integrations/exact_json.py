"""JSON in which a number keeps every digit it was written with: no float comes near an amount."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from controltower.canonical import strict_json


def decode(raw: bytes | str) -> Any:
    """Read JSON with numbers as int or Decimal. Raises ValueError on anything that is not JSON.

    Duplicate keys, NaN and infinities are refused: two readers would disagree on them.
    """
    try:
        return strict_json.decode_exact(raw)
    except RecursionError:
        raise ValueError("It is nested too deeply to be read.") from None


def encode(value: Any) -> str:
    """Write JSON; Decimal as a plain number, dates as ISO 8601 text. Raises TypeError otherwise."""
    match value:
        case None | bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return _number(value)
        case datetime() | date():
            return f'"{value.isoformat()}"'
        case Mapping():
            pairs = (
                f"{json.dumps(str(k), ensure_ascii=False)}:{encode(v)}" for k, v in value.items()
            )
            return "{" + ",".join(pairs) + "}"
        case list() | tuple():
            return "[" + ",".join(encode(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError(f"{value} has no JSON form")
    return format(value, "f")
