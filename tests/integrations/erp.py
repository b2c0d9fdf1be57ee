"""The sandbox's real Tryton for tests: one process with its fault proxy and control door."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from integrations.connector import Connection

REPOSITORY = Path(__file__).resolve().parents[2]
USER = "tower"
FIRST_START = 120.0
"""Seconds: an environment's first start initialises the database; later ones take under 5."""


@dataclass(frozen=True)
class Erp:
    """A running ERP: how to reach it as the tower does, and its control door."""

    port: int
    control_port: int
    password: str

    def connection(self, deadline: float = 20.0, port: int = 0, password: str = "") -> Connection:
        """A connection for the connector."""
        return Connection(
            slug="tryton",
            base_url=f"http://127.0.0.1:{port or self.port}",
            secrets={"user": USER, "password": password or self.password},
            deadline=timedelta(seconds=deadline),
        )

    def fault(self, kind: str, **wanted: Any) -> None:
        """Order a fault; one call suffers it unless `count` or `seconds` say otherwise."""
        bounds = {} if {"count", "seconds"} & wanted.keys() else {"count": 1}
        self._send("POST", "/api/faults", {"kind": kind, **bounds, **wanted})

    def heal(self) -> None:
        """Withdraw all faults."""
        self._send("DELETE", "/api/faults")

    def act(self, name: str, **wanted: Any) -> None:
        """Close a period, switch a tax, …"""
        self._send("POST", f"/api/actions/{name}", wanted)

    def invoices(self, reference: str) -> list[dict[str, Any]]:
        """The ERP's own books: every invoice with this reference, drafts included."""
        found = self._send("GET", f"/api/books/invoices?reference={reference}")["invoices"]
        return list(found)

    def totals(self) -> list[dict[str, Any]]:
        """Booked totals per company and currency."""
        return list(self._send("GET", "/api/books/totals")["totals"])

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control_port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running_erp() -> Iterator[Erp]:
    """Start one on free ports with a fresh copy of the books, and stop it."""
    environment = Path(os.environ.get("SANDBOX_ENV", REPOSITORY / ".venv" / "sandbox"))
    assert (environment / "bin" / "trytond").exists(), f"install the sandbox into {environment}"
    erp = Erp(_free_port(), _free_port(), secrets.token_urlsafe(16))
    with tempfile.TemporaryDirectory(prefix="ct-erp-", dir="/tmp") as data:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "integrations.sandbox.tryton", "--port", str(erp.port),
                "--control-port", str(erp.control_port), "--data", data,
                "--sandbox-env", str(environment),
            ],
            cwd=REPOSITORY,
            env=os.environ
            | {"SANDBOX_TRYTON_USER": USER, "SANDBOX_TRYTON_PASSWORD": erp.password},
        )  # fmt: skip
        try:
            _await_door(erp, process)
            yield erp
        finally:
            process.terminate()
            process.wait(timeout=20)


def _await_door(erp: Erp, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + FIRST_START
    for port in (erp.port, erp.control_port):
        while True:
            with socket.socket() as wire:
                if wire.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the sandbox ERP ended while starting"
            assert time.monotonic() < give_up, "the sandbox ERP did not start in time"
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
