"""The ERP's file server. One SSH connection for each operation: none outlives it, so what the
server has closed in between is never mistaken for a lost answer.

A file is put as ``.part`` and then renamed: only the rename can have an effect, and whatever breaks
before it has certainly changed nothing.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncssh

from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    Misconfigured,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations.connector import CallFailed, Connection
from integrations.shape import Drift

asyncssh.set_log_level(logging.WARNING)  # else it tells of every connection, and who the user is
_OWN_SHARE = 0.95
"""Of the deadline: our own verdict must be there before whoever waits for us gives up."""
_LARGEST = 16 * 1024 * 1024
_STRANGERS = (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable)
_GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)


@dataclass
class Session:
    """An operation's connection, and what was done on it."""

    sftp: asyncssh.SFTPClient
    began: float = field(default_factory=time.monotonic)
    sent: list[str] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    effected: bool = False
    """Whether a file may have been placed."""

    @property
    def exchange(self) -> Exchange:
        """What went over the wire so far."""
        spent = round((time.monotonic() - self.began) * 1000)
        return Exchange("\n".join(self.sent), "\n".join(self.got), None, spent)

    async def read(self, path: str) -> bytes | None:
        """A file's content; None when there is none. Raises Drift when it is too large."""
        self.sent.append(f"READ {path}")
        try:
            async with self.sftp.open(path, "rb", encoding=None) as file:
                raw: bytes = await file.read(_LARGEST + 1)
        except _GONE:
            self.got.append(f"{path}: no such file")
            return None
        if len(raw) > _LARGEST:
            raise Drift(f"“{path}” is larger than any file that was agreed on")
        self.got.append(f"{path}:\n{raw.decode(errors='replace')}")
        return raw

    async def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        self.sent.append(f"STAT {path}")
        found = await self.sftp.exists(path)
        self.got.append(f"{path}: {'there' if found else 'no such file'}")
        return found

    async def names(self, folder: str, ending: str) -> Sequence[str]:
        """The files of a folder with an ending, in alphanumeric order."""
        self.sent.append(f"LIST {folder}")
        found = [str(name) for name in await self.sftp.listdir(folder)]
        self.got.append(f"{folder}: {len(found)} names")
        return sorted(name for name in found if name.endswith(ending))

    async def place(self, path: str, content: bytes) -> None:
        """Put a file where the ERP takes it up."""
        part = f"{path}.{secrets.token_hex(4)}.part"
        self.sent.append(f"PUT {part}\n{content.decode()}")
        async with self.sftp.open(part, "wb") as file:
            await file.write(content)
        self.sent.append(f"RENAME {part} {path}")
        self.effected = True
        await self.sftp.rename(part, path)
        self.got.append(f"{path}: placed")

    async def move(self, path: str, to: str) -> None:
        """Put a file of ours or for us elsewhere; one that is not there has been moved before."""
        self.sent.append(f"RENAME {path} {to}")
        try:
            await self.sftp.rename(path, to)
        except _GONE:
            self.got.append(f"{path}: no such file")


class FileServer:
    """Where the ERP's files are. Secrets: `user`, `private_key`, `host_key`."""

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.base_url)
        self._host, self._port = parts.hostname or "", parts.port or 22
        self._secrets = connection.secrets
        self._deadline = connection.deadline.total_seconds() * _OWN_SHARE

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection for one operation. Raises CallFailed with what its breaking comes to."""
        session, connection = None, None
        try:
            async with asyncio.timeout(self._deadline):
                connection = await self._connected()
                session = Session(await connection.start_sftp_client())
                yield session
        except (OSError, TimeoutError, asyncssh.Error) as problem:
            raise CallFailed(self._broken(problem, session)) from None
        finally:
            if connection is not None:
                connection.abort()  # everything was answered, or the deadline is over

    async def _connected(self) -> asyncssh.SSHClientConnection:
        try:
            ours = asyncssh.import_private_key(_key_of(self._secrets.get("private_key", "")))
            theirs = asyncssh.import_public_key(self._secrets.get("host_key", ""))
        except ValueError:
            text = "The private key or the host key is missing or cannot be read. Nothing was sent."
            raise CallFailed(Misconfigured(kind=Kind.AUTH, text=text)) from None
        return await asyncssh.connect(
            self._host,
            self._port,
            username=self._secrets.get("user", ""),
            client_keys=[ours],
            known_hosts=([theirs], [], []),
            preferred_auth="publickey",
            agent_path=None,
            config=None,
        )

    def _broken(self, problem: Exception, session: Session | None) -> Verdict:
        """What it comes to that an operation has broken off."""
        place, words = f"{self._host}:{self._port}", _reason(problem)
        if session is None:
            text = f"No connection to {place}: {words}. Nothing was sent."
            if isinstance(problem, _STRANGERS):
                return Misconfigured(kind=Kind.AUTH, text=text)
            return Unavailable(text=text)
        if isinstance(problem, asyncssh.SFTPPermissionDenied):
            text = f"{place} does not permit it: {words}."
            return Misconfigured(kind=Kind.PERMISSION, text=text, exchange=session.exchange)
        if session.effected:
            text = f"{place} did not say whether the file was placed: {words}."
            return Unknown(text=text, exchange=session.exchange)
        text = f"{place} broke off before anything was placed: {words}."
        return TryLater(kind=Kind.OUTAGE, text=text, exchange=session.exchange)


def _key_of(text: str) -> str | bytes:
    """A private key as PEM, or as the base64 of its PKCS #8."""
    return text if text.startswith("-----BEGIN") else base64.b64decode(text)


def _reason(problem: Exception) -> str:
    """In a few words, without what the other side may have put into them."""
    if isinstance(problem, TimeoutError):
        return "no answer within the deadline"
    if isinstance(problem, asyncssh.HostKeyNotVerifiable):
        return "it shows another host key than the agreed one"
    if isinstance(problem, asyncssh.PermissionDenied):
        return "user and key are refused"
    if isinstance(problem, OSError):
        return problem.strerror or type(problem).__name__
    return type(problem).__name__
