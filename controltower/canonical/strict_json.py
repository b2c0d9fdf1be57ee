"""JSON that two readers cannot read differently, and that our database can keep.

Beyond RFC 8259 this refuses what is legal but dangerous: duplicate keys (the last one wins in one
reader, the first in another), NUL and lone surrogates (PostgreSQL cannot keep them), numbers that
no amount needs, and depth that exhausts a stack. Numbers become int or Decimal, never float.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

T = TypeVar("T")

DEPTH = 64
DIGITS = 40
EXPONENT = 20
LONGEST_NUMBER = 400
"""Digits of a fraction in an answer: as many as any float, written out, has before its point."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""One string, or the rest of the text when it never ends: so that each character is seen once."""
_BRACKET = re.compile(r"[\[\]{}]")
_OPENING = re.compile(r"[ \t\n\r]*\[[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_CLOSING = re.compile(r"[ \t\n\r]*\][ \t\n\r]*\Z")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


class NotStrictJson(ValueError):
    """The text is not JSON that we take; the message says why, without quoting content."""


def decode(raw: bytes | str) -> Any:
    """Read JSON. Raises NotStrictJson for anything that is broken, ambiguous or beyond limits."""
    return _read(raw, _STRICT.decode)


def decode_items(raw: bytes | str) -> list[tuple[bytes, Any]]:
    """Read an array: its items, each with the bytes it was read from. Raises NotStrictJson."""
    return _read(raw, _items)


def _read(raw: bytes | str, reader: Callable[[str], T]) -> T:
    text = _text(raw)
    if text.count("[") + text.count("{") > DEPTH and _depth(text) > DEPTH:
        raise NotStrictJson(f"It is nested more than {DEPTH} levels deep.")
    try:
        value = reader(text)
    except NotStrictJson:
        raise
    except json.JSONDecodeError as error:
        raise NotStrictJson(
            f"It is not JSON: {error.msg.lower()}, line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise NotStrictJson(f"It is nested more than {DEPTH} levels deep.") from None
    if "\\u" in text:
        _require_keepable(value)
    return value


def _items(text: str) -> list[tuple[bytes, Any]]:
    opening = _OPENING.match(text)
    if not opening:
        raise NotStrictJson("It is not an array.")
    found: list[tuple[bytes, Any]] = []
    at = opening.end()
    while not _CLOSING.match(text, at):
        comma = _COMMA.match(text, at)
        if bool(comma) != bool(found):
            raise NotStrictJson("The items of an array stand apart by one comma each.")
        begin = comma.end() if comma else at
        value, at = _STRICT.raw_decode(text, begin)
        found.append((text[begin:at].encode(), value))
    return found


def decode_exact(raw: bytes | str) -> Any:
    """Read JSON with exact numbers and single keys but hardly a limit: for the answers of systems
    that we have asked. Raises ValueError, also for what no stack could hold."""
    try:
        return json.loads(
            raw, parse_float=_written_out, parse_constant=_no_constant, object_pairs_hook=_unique
        )
    except RecursionError:
        raise NotStrictJson("It is nested too deeply.") from None


def _written_out(literal: str) -> Decimal:
    if len(literal) <= LONGEST_NUMBER:
        with suppress(InvalidOperation):  # no Decimal has such an exponent
            number = Decimal(literal)
            if abs(number.adjusted()) <= LONGEST_NUMBER:
                return number
    raise NotStrictJson(f"A number has more than {LONGEST_NUMBER} digits when written out.")


def _text(raw: bytes | str) -> str:
    if isinstance(raw, str):
        if _UNKEEPABLE.search(raw):
            raise NotStrictJson("It holds a NUL or half a character.")
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotStrictJson(f"It is not UTF-8: byte {error.start} is wrong.") from None


def _depth(text: str) -> int:
    """How deep brackets nest outside strings. Linear, so that it may look at hostile text."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _integer(literal: str) -> int:
    if len(literal.lstrip("-")) > DIGITS:
        raise NotStrictJson(f"A number has more than {DIGITS} digits.")
    return int(literal)


def _decimal(literal: str) -> Decimal:
    mantissa, _, exponent = literal.lower().partition("e")
    if sum(character.isdigit() for character in mantissa) > DIGITS:
        raise NotStrictJson(f"A number has more than {DIGITS} digits.")
    if len(exponent.lstrip("+-0")) > 2 or abs(int(exponent or 0)) > EXPONENT:
        raise NotStrictJson(f"A number has an exponent beyond {EXPONENT}.")
    number = Decimal(literal)
    if abs(int(number.as_tuple().exponent)) > EXPONENT:
        raise NotStrictJson(f"A number has more than {EXPONENT} decimals.")
    return number


def _no_constant(name: str) -> Any:
    raise NotStrictJson(f"{name} is not JSON.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictJson("A key occurs twice in one object.")
    return found


_STRICT = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_no_constant,
    object_pairs_hook=_unique,
)


def _require_keepable(value: Any) -> None:
    """Look for what an escape (\\u0000, \\ud800) has smuggled into a name or a text."""
    if isinstance(value, str):
        if _UNKEEPABLE.search(value):
            raise NotStrictJson("A text holds a NUL or half a character.")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _require_keepable(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _require_keepable(key)
            _require_keepable(item)
