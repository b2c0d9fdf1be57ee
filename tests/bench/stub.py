"""The far side of every benchmark: an HTTP server that answers after 20 ms and keeps count.

`python -m tests.bench.stub PORT`. `/<system>/<key>` is a call; `/control/count`, `/control/reset`
and `/control/slow/<system>/<milliseconds>` are for the one who measures. It speaks as much HTTP as
its callers need and no more, so that it is never what is being measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import cast

import uvloop

DELAY = 0.020
"""Seconds, as a prompt vendor in the same region takes."""


class Stub:
    """What has been asked for, and how slow each system is."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all calls and all slowness."""
        self.calls: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.delays: dict[str, float] = {}

    def answer(self, method: str, path: str) -> tuple[float, bytes]:
        """Seconds to wait, and what to say then."""
        _, system, *rest = path.split("/")
        if system == "control":
            return 0.0, self._control(*rest)
        self.calls[method] += 1
        self.keys.add(path)
        return self.delays.get(system, DELAY), b'{"ok":true}'

    def _control(self, wish: str, *words: str) -> bytes:
        if wish == "reset":
            self.reset()
        elif wish == "slow":
            self.delays[words[0]] = float(words[1]) / 1000
        return json.dumps({"calls": self.calls, "distinct": len(self.keys)}).encode()


class Wire(asyncio.Protocol):
    """One connection: whole requests in, answers out in their order."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer when a whole request is there: callers send the next one after the answer."""
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._seen = body[_length(head) :]
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        delay, said = self.stub.answer(method, path)
        closing = b"connection: close" in head.lower()
        asyncio.get_running_loop().call_later(delay, self._answer, said, closing)

    def _answer(self, said: bytes, closing: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(said), said)
        )
        if closing:
            self._transport.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve(port: int) -> asyncio.Server:
    """Listen on this machine only."""
    stub, loop = Stub(), asyncio.get_running_loop()
    return await loop.create_server(lambda: Wire(stub), "127.0.0.1", port, backlog=1024)


async def _forever(port: int) -> None:
    async with await serve(port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_forever(int(sys.argv[1])))
