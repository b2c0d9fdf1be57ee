"""The private servers of one test session: nothing shared, nothing left behind.

``DATABASE_URL`` / ``REDIS_URL`` given by the caller win, so that the tests can also run against
servers that exist.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from controltower.embedded.postgres import OWNER, Postgres
from controltower.embedded.valkey import Valkey


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


def start_servers() -> Servers:
    """Start both below a new temporary directory; the caller stops them."""
    directory = Path(tempfile.mkdtemp(prefix="ct-test-", dir="/tmp"))
    directory.chmod(0o711)
    servers = Servers(
        directory,
        Postgres(directory / "postgres", durable=False),
        Valkey(directory / "valkey", durable=False),
    )
    servers.postgres.start()
    servers.valkey.start()
    return servers


def serve_session() -> Servers | None:
    """Set ``DATABASE_URL`` and ``REDIS_URL`` for this process; None when the caller gave both."""
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return None
    servers = start_servers()
    os.environ.update(servers.environment())
    return servers
