"""The home of one tower: its lock, secrets, ports, logs and what is known about its processes."""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Container
from pathlib import Path
from typing import IO, Any

from controltower.embedded.process import write_private
from controltower.supervisor.credentials import draw

REPOSITORY = Path(__file__).resolve().parent.parent.parent
VENDORS = {
    file.parent.name: file
    for file in sorted((REPOSITORY / "integrations" / "sandbox").glob("*/system.toml"))
}
"""The pretend vendors that live together in one process, and where each says what it needs."""

SANDBOX_DOORS = ("salesforce", "control", "tryton", "tryton_control", "town_control", *VENDORS,
                 "salesforce_stream")  # fmt: skip
"""What the sandbox listens for: the CRM, the control page, the ERP, the ERP's own controls, the
vendors' controls, each vendor, and the CRM's streams."""


class StartProblem(Exception):
    """The tower cannot start or go on; the text says why and what to do, in one sentence."""


class Home:
    """The directory below which everything of one tower is kept; default ``.tower``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.backups = path / "backups"
        self.state_file = path / "state.json"
        self.environment_file = path / "environment.json"
        self.logins_file = path / "demo-logins.json"
        self._lock: IO[str] | None = None

    def prepare(self) -> None:
        """Make the directories. Raises ``StartProblem`` when the place cannot be written to.

        A new home is open to passage only: the unprivileged PostgreSQL account must get through.
        """
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True)
                self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            (self.path / "sandbox").mkdir(mode=0o700, exist_ok=True)
            probe = self.path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as refused:
            raise StartProblem(
                f"The home {self.path} cannot be written to ({_reason(refused)}); "
                "choose another with --home DIR."
            ) from refused

    def lock(self) -> None:
        """Hold this home until the process ends. A file left by a dead process does not count."""
        file = (self.path / "lock").open("a+")
        try:
            _take(file)
        except OSError as held:
            file.close()
            if held.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise StartProblem(self._already_running()) from held
            raise StartProblem(
                f"The home {self.path} is on a file system without locks ({_reason(held)}); "
                "choose a local directory with --home DIR."
            ) from held
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._lock = file

    def holder(self) -> int | None:
        """The process that holds this home now, if any."""
        try:
            with (self.path / "lock").open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return int(file.read().strip() or 0)
        except (FileNotFoundError, PermissionError):
            pass
        return None

    def secret_key(self) -> str:
        """Django's signing key: drawn once per home."""
        return str(self._kept("secret.json", lambda: {"key": secrets.token_urlsafe(64)})["key"])

    def sandbox(self, first_port: int) -> dict[str, Any]:
        """Ports and credentials of the sandbox, the same at each start.

        A port that another program has taken meanwhile is exchanged for a free one. A vendor that
        has joined since gets credentials of its own.
        """
        kept = self._kept("sandbox.json", _new_sandbox)
        for file in VENDORS.values():
            kept["credentials"] |= draw(file, known=kept["credentials"])
        ports: dict[str, int] = kept["ports"]
        taken = {first_port - 1}
        for offset, name in enumerate(SANDBOX_DOORS):
            ports[name] = free_port(ports.get(name) or first_port + offset, taken)
            taken.add(ports[name])
        write_private(self.path / "sandbox.json", json.dumps(kept, indent=2))
        return kept

    def state(self) -> dict[str, Any]:
        """What the supervisor last wrote about itself; empty when nothing ever ran here."""
        state: dict[str, Any] = read_json(self.state_file)
        return state

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{name.replace(' ', '-')}.log"

    def _kept(self, name: str, draw: Any) -> dict[str, Any]:
        path = self.path / name
        if not path.exists():
            write_private(path, json.dumps(draw(), indent=2))
        kept: dict[str, Any] = read_json(path)
        return kept

    def _already_running(self) -> str:
        address = self.state().get("address", "an address it has not announced yet")
        return (
            f"A tower already runs from {self.path} (process {self.holder()}) at {address}; "
            "bin/status shows it and bin/down stops it."
        )


def read_json(path: Path) -> Any:
    """What a JSON file holds; an empty object when it is missing or half written."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, PermissionError, ValueError):
        return {}


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server of ours could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(wanted: int, taken: Container[int] = ()) -> int:
    """The wanted port of our own machine, or the next one that is neither in use nor ``taken``.

    Never one that the kernel names: it gives the same ones to outgoing connections, so that a
    server which comes up a little later may find it in use.
    """
    while wanted in taken or not port_is_free(wanted):
        wanted += 1
    return wanted


def port_answers(port: int) -> bool:
    """Whether something listens on this port of our own machine."""
    with socket.socket() as wire:
        wire.settimeout(1)
        return wire.connect_ex(("127.0.0.1", port)) == 0


def _take(file: IO[str], patience: float = 0.5) -> None:
    """Lock the file; wait a moment, for bin/status tries the same lock in passing."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _new_sandbox() -> dict[str, Any]:
    return {
        "ports": {},
        "credentials": {
            "SANDBOX_SALESFORCE_CLIENT_ID": f"sandbox-{secrets.token_hex(12)}",
            "SANDBOX_SALESFORCE_CLIENT_SECRET": secrets.token_urlsafe(32),
            "SANDBOX_TRYTON_USER": "tower",
            "SANDBOX_TRYTON_PASSWORD": secrets.token_urlsafe(24),
            "SANDBOX_WEBHOOK_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        },
    }


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
