"""The pretend environment's answers: JSON, errors in the vendor's form, pages."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import quote

from aiohttp import web

from integrations import exact_json
from integrations.sandbox.business_central.books import Fault
from integrations.sandbox.business_central.odata import Unreadable
from integrations.sandbox.vendor import Refused

LARGEST_PAGE = 20_000


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON, as the vendor sends it."""
    text = exact_json.encode(content)
    return web.Response(status=status, text=text, content_type="application/json")


def error(status: int, code: str, words: str) -> web.Response:
    """An error in the vendor's form."""
    return answer(error_of(code, words), status)


def error_of(code: str, words: str) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"code": code, "message": f"{words}  CorrelationId:  {uuid.uuid4()}."}}


class explained:  # noqa: N801 - it reads as a statement
    """Turns what is wrong with a request into the vendor's answer."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, problem: BaseException | None, _trace: Any) -> None:
        if isinstance(problem, Fault):
            raise Refused(error(problem.status, problem.code, problem.words)) from None
        if isinstance(problem, Unreadable):
            words = f"Invalid filter clause: {problem}"
            raise Refused(error(400, "BadRequest", words)) from None


def page(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    """At most as many rows as were preferred, and where the next ones are."""
    preferred = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("Prefer", ""))
    size = min(int(preferred[1]) if preferred else LARGEST_PAGE, LARGEST_PAGE)
    start = int(request.query.get("$skiptoken", "0"))
    content: dict[str, Any] = {"value": rows[start : start + size]}
    if start + size < len(rows):
        kept = {**request.query, "$skiptoken": str(start + size)}
        pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
        content["@odata.nextLink"] = f"{request.url.origin()}{request.path}?{pairs}"
    return answer(content)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused."""
    try:
        content = exact_json.decode(await request.read())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(error(400, "BadRequest", "The request body is not a JSON object."))
    return content
