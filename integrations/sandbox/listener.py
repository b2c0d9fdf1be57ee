"""A server that can be down: while it is, its port refuses connections."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web

from integrations.sandbox.faults import Board

_LOOK_EVERY = 0.1


class Listener:
    """Serves `app` on loopback, over `tls` where given, opening and closing the port as the board
    says."""

    def __init__(
        self, app: web.Application, port: int, board: Board, tls: ssl.SSLContext | None = None
    ) -> None:
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.2, handle_signals=False
        )
        self._port = port
        self._board = board
        self._tls = tls
        self._site: web.TCPSite | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._runner.setup()
        try:
            while True:
                await self.look()
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            await self._runner.cleanup()

    async def look(self) -> None:
        """Open or close the port now, as ordered."""
        if self._board.is_down():
            await self._close()
        elif self._site is None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls)
            await self._site.start()

    async def _close(self) -> None:
        """Stop listening and cut every open connection, as a crash does."""
        if self._site is None:
            return
        site, self._site = self._site, None
        await site.stop()
        server = self._runner.server
        for connection in server.connections if server else ():
            if connection.transport is not None:
                connection.transport.abort()
