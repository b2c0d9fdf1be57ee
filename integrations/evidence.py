"""What is kept of a request and its answer, for people: without our credentials."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

_TOKEN_LENGTH = 16
_SHOWN_HEADERS = (
    "content-type",
    "retry-after",
    "location",
    "sforce-limit-info",
    "x-bamboohr-error-message",
)


def request(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> str:
    """The request as text."""
    lines = [f"{method} {target}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join([*lines, "", _text(body)]) if body else "\n".join(lines)


def response(answer: aiohttp.ClientResponse, content: bytes) -> str:
    """The answer as text, with the headers that tell something."""
    lines = [f"{answer.status} {answer.reason or ''}".strip()]
    lines += [f"{n}: {v}" for n, v in answer.headers.items() if n.lower() in _SHOWN_HEADERS]
    return "\n".join([*lines, "", _text(content)])


def without(content: bytes, secret_headers: Mapping[str, str]) -> bytes:
    """An answer that repeats our token would carry it into messages and evidence."""
    for value in secret_headers.values():
        token = value.rpartition(" ")[2]
        if len(token) >= _TOKEN_LENGTH:
            content = content.replace(token.encode(), b"[hidden]")
    return content


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", errors="replace")
