"""The web server: uvicorn, and the bounds on a request's head that uvicorn does not set.

`python -m controltower.web.server [--host HOST] [--port PORT]`
"""

from __future__ import annotations

import argparse
import asyncio
from functools import partial
from typing import Any

import uvicorn
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

HEAD_BYTES = 65_536
"""The most that is read of a head (address and headers) that has not ended."""
HEAD_SECONDS = 10.0
"""Seconds that a head may take to arrive."""
IDLE_SECONDS = 20
CONNECTIONS = 2_000
"""More than may wait at the webhook door. Whoever comes beyond is told to come again: by us, since
uvicorn's own limit does not say when."""


async def crowded(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answers instead of the application who has no place among the connections: 503."""
    from controltower.web import errors, inbound, refusals  # once Django has been set up

    reference = errors.new_reference()
    answer = refusals.busy().telling(Connection="close").answer(reference)
    await inbound.send_answer(send, answer, reference)


class Guarded(HttpToolsProtocol):
    """HTTP whose heads are small and arrive soon, lest strangers fill memory or hold sockets.

    A webhook that has come whole is offered to the door at once, without a task of its own.
    """

    is_head = True
    head_bytes = 0
    head_timer: asyncio.TimerHandle | None = None
    is_reading = False
    held: tuple[RequestResponseCycle, Any] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head begins with the connection."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self.app = crowded
        self._wait_for_head()

    def on_message_begin(self) -> None:
        """Another head begins."""
        super().on_message_begin()
        self.is_head, self.head_bytes = True, 0

    def data_received(self, data: bytes) -> None:
        """Refuse what is still a head after so many bytes; most come at once, and no timer runs."""
        self.is_reading = True
        super().data_received(data)
        self.is_reading = False
        if self.held is not None:
            (cycle, app), self.held = self.held, None
            self._begin(cycle, app)
        if self.is_head:
            self._wait_for_head()
            self.head_bytes += len(data)
            if self.head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """It has arrived."""
        self._head_is_over()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """It never will."""
        self._head_is_over()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begun when all that came with its head has been read: mostly that is the whole of it."""
        if self.is_reading:
            self.held = cycle, app
        else:
            self._begin(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self.transport.is_closing():
            return  # what came behind it was no HTTP, and the sender has been told so
        is_whole = not (cycle.more_body or self.flow.write_paused or app is crowded)
        if not (is_whole and self._is_taken_at_once(cycle)):
            super()._start_asgi_task(cycle, app)

    def _is_taken_at_once(self, cycle: RequestResponseCycle) -> bool:
        """Whether the door needs no task to answer it. The application has left its `at_once` in
        the state of the lifespan."""
        take = cycle.scope["state"].get("at_once")
        if take is None or not cycle.scope["path"].startswith("/inbound/"):
            return False
        return bool(take(cycle.scope, bytes(cycle.body), partial(self._say, cycle)))

    def _say(
        self,
        cycle: RequestResponseCycle,
        status: int,
        headers: list[tuple[bytes, bytes]],
        content: bytes,
    ) -> None:
        """Answer in one piece, unless the sender has gone."""
        if self.transport.is_closing():
            return
        lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *headers)]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", content]))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def _wait_for_head(self) -> None:
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_over(self) -> None:
        self.is_head = False
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None


def serve(host: str, port: int) -> None:
    """Until SIGTERM."""
    uvicorn.run(
        "controltower.asgi:application",
        host=host,
        port=port,
        http=Guarded,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=3,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve pages, webhooks and live signals.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    serve(given.host, given.port)
