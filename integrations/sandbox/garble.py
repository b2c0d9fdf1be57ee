"""Answers that no client was promised: broken bodies, and shapes that have drifted.

They are made of the system's own answer, so that the work behind it is really done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from integrations import exact_json

NEVER_SEEN = "NEVER_SEEN_BEFORE"
_JSON = "application/json"
_DEEP = 100_000


def _nested(body: bytes) -> tuple[bytes, str]:
    return b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, _JSON


def _nul(body: bytes) -> tuple[bytes, str]:
    return _every_text(body, lambda text: f"{text}\x00"), _JSON


def _huge(body: bytes) -> tuple[bytes, str]:
    return b"[" + b"9" * 200_000 + b"]", _JSON


GARBLINGS: Mapping[str, Callable[[bytes], tuple[bytes, str]]] = {
    "truncated": lambda body: (body[: max(len(body) // 2, 1)], _JSON),
    "empty": lambda body: (b"", _JSON),
    "nested": _nested,
    "nul": _nul,
    "huge_number": _huge,
    "not_utf8": lambda body: (b'{"\xff\xfe": "\xc3"}', _JSON),
    "html_as_json": lambda body: (b"<!doctype html><title>Welcome</title>", _JSON),
    "other_shape": lambda body: (b'"fine"', _JSON),
    "null": lambda body: (b"null", _JSON),
    "duplicate_keys": lambda body: (b'{"id": "1", "id": "2"}', _JSON),
    "mislabelled": lambda body: (body, "text/plain"),
}
"""Name and what it makes of a body: another body, and the content type that it is given."""


def garbled(how: str, body: bytes) -> tuple[bytes, str]:
    """The broken body and its content type; an unknown `how` breaks it off in the middle."""
    return GARBLINGS.get(how, GARBLINGS["truncated"])(body)


def drifted(how: str, member: str, body: bytes) -> bytes:
    """The answer with one member of every object gone ("missing"), of another type ("type") or of
    a new value ("value"); of the last object alone that has it ("missing_last"). What is not JSON
    stays as it is."""
    try:
        content = exact_json.decode(body)
    except ValueError:
        return body
    if how == "missing_last":
        _lose_last(member, content)
        return exact_json.encode(content).encode()
    return exact_json.encode(_drift(how, member, content)).encode()


def _drift(how: str, member: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_drift(how, member, item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _drift(how, member, item) for name, item in value.items() if name != member}
    if member in value and how != "missing":
        found[member] = NEVER_SEEN if how == "value" else [value[member]]
    return found


def _lose_last(member: str, value: Any) -> bool:
    """Take the member from the last object that has it; whether there was one."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if any(_lose_last(member, item) for item in reversed(list(inner))):
        return True
    if isinstance(value, dict) and member in value:
        del value[member]
        return True
    return False


def _every_text(body: bytes, change: Callable[[str], str]) -> bytes:
    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [changed(item) for item in value]
        if isinstance(value, dict):
            return {name: changed(item) for name, item in value.items()}
        return value

    try:
        return exact_json.encode(changed(exact_json.decode(body))).encode()
    except ValueError:
        return body + b"\x00"
