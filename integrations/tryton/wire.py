"""Tryton's JSON dialect: dates, times and decimals travel as objects with a `__class__`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from integrations import exact_json


class NotTryton(ValueError):
    """The bytes are not an answer of Tryton's JSON-RPC."""


def question(method: str, params: tuple[Any, ...]) -> str:
    """The body of one call; exactly these three keys make Tryton answer in JSON-RPC's form."""
    return exact_json.encode({"id": 1, "method": method, "params": [_plain(p) for p in params]})


def answer(raw: bytes) -> Mapping[str, Any]:
    """The parsed answer, with `result` or `error`. Raises NotTryton."""
    try:
        document = _rich(exact_json.decode(raw))
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
        raise NotTryton(type(error).__name__) from None
    if not isinstance(document, dict) or not {"result", "error"} & document.keys():
        raise NotTryton("neither a result nor an error")
    return document


def session_header(user: str, user_id: int, token: str) -> str:
    """The Authorization value of a session."""
    return "Session " + base64.b64encode(f"{user}:{user_id}:{token}".encode()).decode()


class Quantity(Decimal):
    """A number of units: Tryton keeps quantities as plain JSON numbers, money as decimals."""


def _plain(value: Any) -> Any:
    match value:
        case Quantity():
            return Decimal(value)
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case datetime():
            at = value.astimezone(UTC)
            parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return {"__class__": "datetime"} | {part: getattr(at, part) for part in parts}
        case date():
            day = {"year": value.year, "month": value.month, "day": value.day}
            return {"__class__": "date"} | day
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return [_rich(item) for item in value]
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("a text holds a NUL")
    if not isinstance(value, dict):
        return value
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"])
        case "datetime":
            return datetime(
                value["year"], value["month"], value["day"], value["hour"], value["minute"],
                value["second"], value["microsecond"], tzinfo=UTC,
            )  # fmt: skip
        case "timedelta":
            return timedelta(seconds=float(value["seconds"]))
    return {key: _rich(item) for key, item in value.items()}
