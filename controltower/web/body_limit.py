"""No request body is taken in beyond its limit: counted while it arrives, before Django sees it."""

from __future__ import annotations

import asyncio
import contextlib
from io import BytesIO
from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from controltower.web.errors import PROGRAMS, new_reference, problem, too_large
from controltower.web.security import POLICY

DISCARDED = 4
"""A body up to so many times the limit is read to its end and thrown away: a sender that is still
sending when the connection closes never sees the answer."""
PATIENCE = 2.0
"""Seconds that throwing away may take."""


def limit_of(path: str) -> int:
    """The greatest body, in bytes, that a path takes."""
    if path.startswith("/inbound/"):
        return int(settings.INBOUND_BODY_LIMIT)
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


class BodyLimit:
    """Wraps an ASGI application; a body over the limit is answered 413 and read no further."""

    def __init__(self, application: Any) -> None:
        self.application: ASGI3Application = application

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        assert scope["type"] == "http"
        limit = limit_of(scope["path"])
        announced = _announced(scope["headers"])
        if announced is None:
            await self._count(scope, receive, send, limit)
        elif announced <= limit:
            await self.application(scope, receive, send)
        else:
            if announced <= limit * DISCARDED:
                await _discard(receive, limit * DISCARDED)
            await _refuse(scope, send, limit)

    async def _count(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable, limit: int
    ) -> None:
        """A body whose length nobody has announced."""
        taken, over = 0, False

        async def counted() -> Any:
            """What arrives, or a hang-up once it is too much: Django then drops the request."""
            nonlocal taken, over
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                over = over or taken > limit
            return {"type": "http.disconnect"} if over else message

        await self.application(scope, counted, send)
        if over:
            await _discard(receive, limit * DISCARDED)
            await _refuse(scope, send, limit)


def _announced(headers: Any) -> int | None:
    """The length of the body, where the server sees to it that no more is read; else None."""
    found = dict(headers)
    length = found.get(b"content-length", b"")
    return int(length) if length.isdigit() and b"transfer-encoding" not in found else None


def _too_large(scope: Any, limit: int, reference: str) -> HttpResponse:
    """413, in words: a page for a person, a problem for a program."""
    if not scope["path"].startswith((*PROGRAMS, "/inbound/")):
        request = ASGIRequest(scope, BytesIO())
        request.reference = reference  # type: ignore[attr-defined]
        return too_large(request)
    return problem(
        413,
        "too-large",
        "The message is too large",
        f"At most {limit:,} bytes are taken. Nothing was stored. Send it in smaller parts.",
        reference=reference,
    )


async def _discard(receive: ASGIReceiveCallable, most: int) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while most > 0:
                message = await receive()
                if message["type"] != "http.request" or not message["more_body"]:
                    return
                most -= len(message["body"])


async def _refuse(scope: Scope, send: ASGISendCallable, limit: int) -> None:
    reference = new_reference()
    answer = _too_large(scope, limit, reference)
    headers = [
        (b"content-type", answer.headers["Content-Type"].encode()),
        (b"content-security-policy", POLICY.encode()),
        (b"content-length", str(len(answer.content)).encode()),
        (b"x-reference", reference.encode()),
        (b"connection", b"close"),
    ]
    await send(
        {"type": "http.response.start", "status": 413, "headers": headers, "trailers": False}
    )
    await send({"type": "http.response.body", "body": answer.content, "more_body": False})
