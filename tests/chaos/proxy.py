"""A hostile network before one upstream: a TCP proxy that is told how to behave badly.

It looks at HTTP only to answer in the upstream's stead. A manner is drawn anew for every exchange,
so a kept connection can go well once and badly the next time. What the client has sent in full is
delivered even when the client has gone: that is what makes a lost answer dangerous.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
from dataclasses import dataclass
from enum import StrEnum

MOST_WIRES = 256
LONGEST_WIRE = 120.0
"""Seconds after which a connection is cut whatever it does."""
LONGEST_DRIP = 40.0
PIECE = 64 * 1024
LARGEST_REQUEST = 4 * 1024 * 1024
ODD_RETRY_AFTER = ("", "0", "2", "-5", "1.5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT")
HUGE_RETRY_AFTER = ("999999999", "9" * 5000)
"""What upstreams and the boxes before them really send, and worse."""
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


class Mode(StrEnum):
    """How an exchange goes."""

    CLEAR = "clear"
    LATE = "late"
    DROP = "dropped"
    CUT = "committed, then cut"
    DRIP = "drip"
    HALF_OPEN = "half-open"
    MUTE = "committed, then mute"
    REFUSE = "refused"
    STORM = "storm of 429 and 503"


BAD_WEATHER = (Mode.CUT, Mode.CUT, Mode.DROP, Mode.LATE)


@dataclass(frozen=True, slots=True)
class Manner:
    """A mode, the share of exchanges that meet it, and its particulars.

    `seconds` is how long a late request and then its answer are held back, or how long a half-open
    connection stays silent; `status` and `retry_after` belong to a storm.
    """

    mode: Mode = Mode.CLEAR
    share: float = 1.0
    seconds: float = 1.0
    status: int = 503
    retry_after: str = ""


CLEAR = Manner()


class HostileProxy:
    """Listens on a port of the loopback interface and stands before another one. Every exchange
    takes up to twice the `latency` (seconds) longer, as it does on the way to a real vendor.
    `weather` is the share of exchanges that go badly even while the manner is clear."""

    def __init__(
        self, port: int, upstream: int, chance: random.Random, latency: float = 0.0
    ) -> None:
        self.port = port
        self.manner = CLEAR
        self.weather = 0.0
        self.met: dict[str, int] = dict.fromkeys(Mode, 0)
        self._upstream = upstream
        self._chance = chance
        self._latency = latency
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None
        self._wires: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to listen. Raises OSError when the port is taken."""
        if self._server is None:
            door, self._held = self._held or self._bound(), None
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._server = await asyncio.start_server(self._serve, sock=door)

    async def close(self) -> None:
        """Stop listening, give the port back and cut every connection."""
        self._shut()
        if self._held is not None:
            self._held.close()
            self._held = None
        for wire in list(self._wires):
            wire.cancel()
        await asyncio.gather(*self._wires, return_exceptions=True)

    async def behave(self, manner: Manner) -> None:
        """From now on. Refusing closes the door itself: nothing was ever connected. The port stays
        ours, or another program of this machine would be met there."""
        self.manner = manner
        if manner.mode is Mode.REFUSE:
            self.met[Mode.REFUSE] += 1
            self._shut()
            self._held = self._held or self._bound()
        else:
            await self.open()

    def draw(self) -> Manner:
        """How the next exchange goes."""
        manner = self.manner if self._chance.random() < self.manner.share else CLEAR
        if manner is CLEAR and self._chance.random() < self.weather:
            manner = Manner(self._chance.choice(BAD_WEATHER), seconds=self._chance.uniform(0.2, 2))
        self.met[manner.mode] += 1
        return manner

    async def travel(self) -> None:
        """One way across the network."""
        await asyncio.sleep(self._chance.uniform(0, self._latency))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the upstream. Raises OSError."""
        return await asyncio.open_connection("127.0.0.1", self._upstream)

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _bound(self) -> socket.socket:
        """The port, without a listener: whoever connects is refused. It may be had while its old
        connections die away, and then by nobody else. Raises OSError."""
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", self.port))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return held

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = asyncio.current_task()
        if wire is None or len(self._wires) >= MOST_WIRES:
            writer.transport.abort()
            return
        self._wires.add(wire)
        try:
            async with asyncio.timeout(LONGEST_WIRE):
                await _Wire(self, reader, writer).carry()
        except (OSError, asyncio.CancelledError):
            pass  # TimeoutError is an OSError: a broken wire is what this proxy is for
        finally:
            writer.transport.abort()
            self._wires.discard(wire)


class _Wire:
    """One client's connection and, once something is to be sent on, the upstream's."""

    def __init__(
        self, proxy: HostileProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._client_in, self._client_out = reader, writer
        self._upstream_out: asyncio.StreamWriter | None = None
        self._answers: asyncio.Task[None] | None = None
        self._manner = CLEAR
        self._answered = asyncio.Event()
        self._answered.set()

    async def carry(self) -> None:
        """Until the client has gone and the upstream has answered what it was sent."""
        try:
            while piece := await self._client_in.read(PIECE):
                if self._answered.is_set():
                    self._answered.clear()
                    self._manner = self._proxy.draw()
                if not await self._up(piece):
                    return
            await self._answered.wait()
        finally:
            if self._answers is not None:
                self._answers.cancel()
                await asyncio.gather(self._answers, return_exceptions=True)
            if self._upstream_out is not None:
                self._upstream_out.close()

    async def _up(self, piece: bytes) -> bool:
        """Treat what the client sent; whether the connection goes on."""
        match self._manner.mode:
            case Mode.DROP:
                self._client_out.transport.abort()
                return False
            case Mode.HALF_OPEN:
                await asyncio.sleep(self._manner.seconds)
                return False
            case Mode.STORM:
                await self._refuse_politely(piece)
                return False
            case Mode.LATE:
                await asyncio.sleep(self._manner.seconds)
        await self._proxy.travel()
        if self._upstream_out is None:
            upstream_in, self._upstream_out = await self._proxy.connect()
            self._answers = asyncio.create_task(self._down(upstream_in))
        self._upstream_out.write(piece)
        await self._upstream_out.drain()
        return True

    async def _down(self, upstream_in: asyncio.StreamReader) -> None:
        """Carry answers back as the manner of their exchange wants it."""
        while piece := await upstream_in.read(PIECE):
            first = not self._answered.is_set()
            self._answered.set()
            manner = self._manner  # once answered, the client may ask again and draw another
            await self._proxy.travel()
            match manner.mode:
                case Mode.CUT:
                    self._client_out.transport.abort()
                case Mode.MUTE:
                    pass
                case Mode.DRIP:
                    await self._drip(piece)
                case _:
                    if first and manner.mode is Mode.LATE:
                        await asyncio.sleep(manner.seconds)
                    await self._tell(piece)
        self._answered.set()
        if self._manner.mode is not Mode.MUTE:
            self._client_out.close()

    async def _tell(self, piece: bytes) -> None:
        with contextlib.suppress(OSError):  # a client that has gone does not stop the upstream
            self._client_out.write(piece)
            await self._client_out.drain()

    async def _drip(self, piece: bytes) -> None:
        async with asyncio.timeout(LONGEST_DRIP):
            for at in range(0, len(piece), 16):
                await self._tell(piece[at : at + 16])
                await asyncio.sleep(0.05)

    async def _refuse_politely(self, request: bytes) -> None:
        """Answer in the upstream's stead, once the whole request is here."""
        while (missing := _missing(request)) and len(request) < LARGEST_REQUEST:
            more = await self._client_in.read(min(missing, PIECE))
            if not more:
                return
            request += more
        manner = self._manner
        head = f"HTTP/1.1 {manner.status} Busy\r\nContent-Length: 4\r\nConnection: close\r\n"
        if manner.retry_after:
            head += f"Retry-After: {manner.retry_after}\r\n"
        await self._tell(f"{head}\r\nbusy".encode())
        self._client_out.close()
        with contextlib.suppress(OSError):
            await self._client_out.wait_closed()


def _missing(request: bytes) -> int:
    """How many bytes of an HTTP request are still to come; 1 while its head is not whole."""
    head, end, body = request.partition(b"\r\n\r\n")
    if not end:
        return 1
    length = _LENGTH.search(head)
    return max(int(length[1]) - len(body), 0) if length else 0
