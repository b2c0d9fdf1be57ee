"""The counter before trytond: one write at a time, and nothing for those who have left.

Tryton relies on row locks to number invoices. SQLite has none, and two postings at once were seen
to draw the same number; a production Tryton runs on PostgreSQL, where the second one waits. Here it
waits at the counter. A request whose caller has given up meanwhile is not carried out, so that no
effect can come later than Tryton's own longest processing time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from integrations.sandbox.forward import Forward
from integrations.sandbox.tryton.dialect import TrytonDialect


class Counter:
    """A handler that forwards to trytond."""

    def __init__(self, upstream: str) -> None:
        self._forward = Forward(upstream)
        self._dialect = TrytonDialect()
        self._writer = asyncio.Lock()

    async def __call__(self, request: web.Request) -> web.Response:
        """Forward one request, in turn when it writes."""
        if not self._dialect.operation(request, await request.read()).startswith("write"):
            return await self._forward(request)
        async with self._writer:
            if request.transport is None or request.transport.is_closing():
                return web.Response(status=499, text="The caller has left.")
            return await self._forward(request)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The turn to write, for who writes past the counter."""
        async with self._writer:
            yield

    async def close(self, _app: web.Application) -> None:
        """Give sockets back."""
        await self._forward.close()
