"""The vendor's JSON, and its way of refusing."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.netsuite.refusing import Fault
from integrations.sandbox.vendor import Refused

REST = "/services/rest"


def answer(content: Any) -> web.Response:
    """JSON, as the vendor sends it."""
    return web.Response(text=exact_json.encode(content), content_type="application/json")


def error(status: int, code: str, words: str, path: str = "") -> web.Response:
    """An error in the vendor's form."""
    detail = {"detail": words, "o:errorCode": code} | ({"o:errorPath": path} if path else {})
    content = {
        "type": "about:blank",
        "title": "Error",
        "status": status,
        "o:errorDetails": [detail],
    }
    kind = "application/vnd.oracle.resource+json"
    return web.Response(status=status, text=exact_json.encode(content), content_type=kind)


def refusal(fault: Fault) -> web.Response:
    """The account's no."""
    return error(fault.status, fault.code, fault.words, fault.path)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused."""
    try:
        content = exact_json.decode(await request.read())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(error(400, "INVALID_CONTENT", "The request body is not a JSON object."))
    return content
