"""The ERP's file server: a real SFTP server on its folder, which suffers the board's faults.

An operation is a ``read``, or the ``write`` by which a file gets its name; what is put under a name
of its own before is an ``upload``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncssh

from integrations.sandbox.faults import Board, Kind

SUFFERED = frozenset({
    Kind.SLOW, Kind.SERVER_ERROR, Kind.COMMIT_THEN_DROP, Kind.DROP_BEFORE_COMMIT,
})  # fmt: skip
_LOOK_EVERY = 0.1


class Files(asyncssh.SFTPServer):
    """One caller's view of the folder."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], root: Path, board: Board) -> None:
        super().__init__(channel, chroot=str(root).encode())
        self._ssh = channel.get_connection()
        self._board = board

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open to read, or to upload."""
        verb = "upload" if pflags & asyncssh.FXF_WRITE else "read"
        async with self._suffering(verb, path):
            return super().open(path, pflags, attrs)

    async def stat(self, path: bytes) -> os.stat_result | asyncssh.SFTPAttrs:
        """What is known of a file."""
        async with self._suffering("read", path):
            found = super().stat(path)
            assert isinstance(found, os.stat_result)
            return found

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file its name, which no other has."""
        async with self._suffering("write", newpath):
            super().rename(oldpath, newpath)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """The names in a folder."""
        async with self._suffering("read", path):
            async for name in super().scandir(path):
                yield name

    @contextlib.asynccontextmanager
    async def _suffering(self, verb: str, path: bytes) -> AsyncIterator[None]:
        faults = {f.kind: f for f in self._board.take(f"{verb} {path.decode()}", SUFFERED)}
        if slow := faults.get(Kind.SLOW):
            await asyncio.sleep(slow.milliseconds / 1000)
        if Kind.DROP_BEFORE_COMMIT in faults:
            self._ssh.abort()
            raise asyncssh.SFTPConnectionLost("cut")
        broken = faults.get(Kind.SERVER_ERROR)
        if broken and not broken.committed:
            raise asyncssh.SFTPFailure("The server is taking a short break")
        yield
        if Kind.COMMIT_THEN_DROP in faults:
            self._ssh.abort()
        if broken:
            raise asyncssh.SFTPFailure("The server is taking a short break")


class Listener:
    """Serves a folder on loopback, opening and closing the port as the board says."""

    def __init__(self, root: Path, port: int, board: Board, credentials: Mapping[str, str]) -> None:
        self._root, self._port, self._board = root, port, board
        self._host_key = _key(credentials["host_private_key"])
        ours = _key(credentials["private_key"]).export_public_key().decode()
        self._known = asyncssh.import_authorized_keys(ours)
        self._user = credentials["user"]
        self._server: asyncssh.SSHAcceptor | None = None
        self._callers: set[asyncssh.SSHServerConnection] = set()

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            while True:
                if self._board.is_down():
                    await self._close()
                elif self._server is None:
                    self._server = await self._listen()
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            await self._close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            self._port,
            server_factory=lambda: Door(self._user, self._known, self._callers),
            server_host_keys=[self._host_key],
            sftp_factory=lambda channel: Files(channel, self._root, self._board),
            password_auth=False,
            kbdint_auth=False,
            allow_scp=False,
        )

    async def _close(self) -> None:
        """Stop listening and cut every open connection, as a crash does."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            for caller in tuple(self._callers):
                caller.abort()


class Door(asyncssh.SSHServer):
    """Lets the one user in whose key is known."""

    def __init__(
        self,
        user: str,
        known: asyncssh.SSHAuthorizedKeys,
        callers: set[asyncssh.SSHServerConnection],
    ) -> None:
        self._user, self._known, self._callers = user, known, callers

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Somebody calls."""
        self._caller = conn
        self._callers.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        """They have gone."""
        self._callers.discard(self._caller)

    def begin_auth(self, username: str) -> bool:
        """Nobody comes in without a key."""
        self._caller.set_authorized_keys(self._known if username == self._user else _NOBODY)
        return True


_NOBODY = asyncssh.import_authorized_keys("")


def _key(text: str) -> asyncssh.SSHKey:
    """A key drawn by the supervisor: the base64 of its PKCS #8."""
    return asyncssh.import_private_key(base64.b64decode(text))
