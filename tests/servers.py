"""The private servers of one test session: nothing shared, nothing left behind.

``DATABASE_URL`` / ``REDIS_URL`` given by the caller win, so that the tests can also run against
servers that exist.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from controltower.embedded.postgres import DATABASE, OWNER, Postgres
from controltower.embedded.process import program_of
from controltower.embedded.valkey import Valkey
from controltower.supervisor.home import REPOSITORY

PREFIX = "ct-test-"
PREPARED = "TESTS_CLUSTER"
"""Names, in the environment, a cluster that servers may begin from: in its database, the one that a
tower uses, all migrations have run."""


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
    _copy_prepared(servers.postgres.directory)
    servers.postgres.start()
    servers.valkey.start()
    return servers


@contextlib.contextmanager
def prepared_cluster() -> Iterator[dict[str, str]]:
    """The environment for test runs that shall begin from one migrated cluster, while it lasts:
    making and migrating one costs each of them seven seconds of a processor."""
    servers = start_servers()
    try:
        given = servers.environment() | {"SECRET_KEY": secrets.token_urlsafe(48)}
        migrate = [sys.executable, "-W", "ignore", "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=REPOSITORY, env=os.environ | given, check=True)
        servers.postgres.stop()
        in_one_place = servers.postgres.place == servers.postgres.directory
        yield {PREPARED: str(servers.postgres.place)} if in_one_place else {}
    finally:
        servers.stop()


def template() -> str:
    """The database to copy: a migrated one, if there is a prepared cluster."""
    return DATABASE if PREPARED in os.environ else "template1"


def prepare_home(home: Path) -> None:
    """Let a tower that is to start here find its database migrated, if there is a cluster to begin
    from."""
    if PREPARED in os.environ:
        home.mkdir()
        home.chmod(0o711)
        _copy_prepared(home / "postgres")


def _copy_prepared(directory: Path) -> None:
    if PREPARED in os.environ:  # shutil does not keep the owner, PostgreSQL's account
        subprocess.run(["cp", "-a", os.environ[PREPARED], str(directory)], check=True)


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
