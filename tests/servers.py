"""The private servers of one test session: nothing shared, nothing left behind.

``DATABASE_URL`` / ``REDIS_URL`` given by the caller win, so that the tests can also run against
servers that exist.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from controltower.embedded.postgres import OWNER, Postgres
from controltower.embedded.process import program_of
from controltower.embedded.valkey import Valkey

PREFIX = "ct-test-"


@dataclass
class Servers:
    """A PostgreSQL and a Valkey that forget everything at the end."""

    directory: Path
    postgres: Postgres
    valkey: Valkey

    def environment(self) -> dict[str, str]:
        """What Django's settings read. The owner's role: the tests create their own database."""
        return {"DATABASE_URL": self.postgres.url(OWNER), "REDIS_URL": self.valkey.url()}

    def stop(self) -> None:
        """Stop both and remove their files."""
        self.valkey.discard()
        self.postgres.discard()
        shutil.rmtree(self.directory, ignore_errors=True)


def start_servers(*, durable: bool = False) -> Servers:
    """Start both below a new temporary directory; the caller stops them. `durable` ones promise
    what a real tower's promise: every commit is on the disk."""
    end_abandoned()
    directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir="/tmp"))
    directory.chmod(0o711)
    servers = Servers(
        directory,
        Postgres(directory / "postgres", durable=durable),
        Valkey(directory / "valkey", durable=durable),
    )
    servers.postgres.start()
    servers.valkey.start()
    return servers


def end_abandoned() -> None:
    """End the servers of test runs that were killed, and remove their files."""
    for directory in Path("/tmp").glob(f"{PREFIX}*-*"):
        owner = int(directory.name.removeprefix(PREFIX).partition("-")[0])
        if program_of(owner) or not os.access(directory, os.W_OK):
            continue
        for entry in Path("/proc").glob("[0-9]*"):
            if str(directory) in program_of(int(entry.name)):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(int(entry.name), signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)


def serve_session() -> None:
    """Set ``DATABASE_URL`` and ``REDIS_URL`` for this process, unless the caller gave both.

    The servers end with the process, even when pytest gives up before its own hooks run.
    """
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return
    servers = start_servers()
    atexit.register(servers.stop)
    os.environ.update(servers.environment())
