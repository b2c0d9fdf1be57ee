"""The broker's door: hands commands on to the real server, and suffers the board's faults.

An operation is a ``read``, the ``write`` by which an event is published, a ``sign in``, or a
``chore`` of the group's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from integrations.sandbox.faults import Board, Fault, Kind

SUFFERED = frozenset({
    Kind.SLOW, Kind.SERVER_ERROR, Kind.COMMIT_THEN_DROP, Kind.DROP_BEFORE_COMMIT, Kind.THROTTLE,
    Kind.QUOTA, Kind.REFUSE, Kind.AUTH_EXPIRED, Kind.GARBLED,
})  # fmt: skip
_VERBS = {
    **dict.fromkeys(("AUTH", "HELLO"), "sign in"),
    **dict.fromkeys(("EVAL", "XADD"), "write"),
    **dict.fromkeys(("XGROUP", "XAUTOCLAIM", "XACK"), "chore"),
}
_LOOK_EVERY = 0.1
_AFTER_IT = {b"*", b"~", b">"}
_TEXTS = {b"$", b"=", b"!"}


class Door:
    """Listens on loopback before the server at `behind`, opening and closing the port as the board
    says."""

    def __init__(self, port: int, behind: Path, board: Board) -> None:
        self._port, self._behind, self._board = port, behind, board
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                if self._board.is_down():
                    self._close()
                elif self._server is None:
                    self._server = await asyncio.start_server(
                        self._talk, "127.0.0.1", self._port, limit=2**20
                    )
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            self._close()

    def _close(self) -> None:
        """Stop listening and cut every open connection, as a crash does."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            for caller in tuple(self._callers):
                caller.transport.abort()

    async def _talk(self, ours: asyncio.StreamReader, caller: asyncio.StreamWriter) -> None:
        self._callers.add(caller)
        try:
            theirs, server = await asyncio.open_unix_connection(str(self._behind))
            try:
                while True:
                    command = await message(ours)
                    answer, goes_on = await self._answer(command, theirs, server)
                    caller.write(answer)
                    await caller.drain()
                    if not goes_on:
                        break
            finally:
                server.close()
        except (OSError, EOFError, ValueError):
            pass  # one of the two has gone
        finally:
            self._callers.discard(caller)
            caller.close()

    async def _answer(
        self, command: bytes, theirs: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> tuple[bytes, bool]:
        """What the caller hears, and whether the line holds."""
        faults = {one.kind: one for one in self._board.take(operation(command), SUFFERED)}
        if slow := faults.get(Kind.SLOW):
            await asyncio.sleep(slow.milliseconds / 1000)
        if Kind.DROP_BEFORE_COMMIT in faults:
            return b"", False
        if instead := _instead(faults):
            return instead, True
        server.write(command)
        await server.drain()
        answer = await message(theirs)
        if Kind.COMMIT_THEN_DROP in faults:
            return b"", False
        if Kind.GARBLED in faults:
            return answer[: len(answer) // 2], False
        return _FAILED if Kind.SERVER_ERROR in faults else answer, True


_FAILED = b"-upstream failure\r\n"
"""What a proxy before a broker says (Envoy's words): nobody knows what was done."""


def _instead(faults: Mapping[Kind, Fault]) -> bytes | None:
    """The reply that is given without doing any of the work, if a fault wants that."""
    if Kind.THROTTLE in faults:
        return b"-BUSY Valkey is busy running a script. You can only call SCRIPT KILL.\r\n"
    if Kind.QUOTA in faults:
        return b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
    if Kind.AUTH_EXPIRED in faults:
        return b"-NOAUTH Authentication required.\r\n"
    if (broken := faults.get(Kind.SERVER_ERROR)) and not broken.committed:
        return _FAILED
    if refused := faults.get(Kind.REFUSE):
        words = " ".join((refused.text or "Protocol error: invalid bulk length").split())
        return f"-ERR {words}\r\n".encode()
    return None


def operation(command: bytes) -> str:
    """What a command is to the board."""
    name = command.split(b"\r\n", 3)[2].decode(errors="replace").upper()
    return f"{_VERBS.get(name, 'read')} {name}"


async def message(reader: asyncio.StreamReader) -> bytes:
    """One whole message of RESP 2 or 3, as it came. Raises EOFError at the end of the line."""
    line = await reader.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, size = line[:1], line[1:-2]
    if kind in _TEXTS and int(size) >= 0:
        return line + await reader.readexactly(int(size) + 2)
    if kind in _AFTER_IT or kind == b"%":
        for _ in range(int(size) * (2 if kind == b"%" else 1)):
            line += await message(reader)
    return line
