"""The sandbox's control doors, for tests that order faults and deeds."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controltower.supervisor.credentials import draw, scheme
from integrations.sandbox import town
from integrations.sandbox.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
CLIENT_ID, CLIENT_SECRET = "conformance", "a secret that no exchange may show"


@dataclass(frozen=True)
class ControlDoor:
    """Orders to one sandbox system; see `integrations.sandbox.control`."""

    url: str
    _ordered: list[str] = field(default_factory=list, init=False, compare=False)

    def order(self, kind: str, **limits: Any) -> None:
        """Order a fault."""
        self._ordered.append(kind)
        self._call("POST", "/api/faults", {"kind": kind, **limits})

    def clear(self) -> None:
        """Withdraw all faults."""
        self._call("DELETE", "/api/faults")
        self._ordered.clear()

    def calm(self) -> None:
        """Withdraw the faults that were ordered here, without a call when there are none."""
        if self._ordered:
            self.clear()

    def pace(self, pace: str) -> None:
        """Set how much happens in the firm by itself."""
        self._call("POST", "/api/life", {"pace": pace})

    def do(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Make something happen in the pretend firm."""
        done: dict[str, Any] = self._call("POST", f"/api/actions/{action}", parameters)
        return done

    def state(self) -> dict[str, Any]:
        """What is ordered and what happened."""
        known: dict[str, Any] = self._call("GET", "/api/state")
        return known

    def books(self, kind: str) -> list[dict[str, Any]]:
        """What the system's own books hold of a kind."""
        return list(self._call("GET", f"/api/books/{kind}")[kind])

    def sent(self) -> list[dict[str, Any]]:
        """The webhooks that a pretend vendor has sent, the newest last."""
        found: list[dict[str, Any]] = self._call("GET", "/api/sent")
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=content, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


@dataclass
class Org:
    """A running pretend Salesforce org; `stream` is where it tells its changes."""

    url: str
    stream: str
    control: ControlDoor
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(120)


def start_org(data: Path) -> Org:
    """Start an org on free ports, its firm paused, and wait until it answers."""
    port, control, stream = free_port(), free_port(), free_port()
    command = [sys.executable, "-m", "integrations.sandbox.salesforce", "--port", str(port)]
    command += ["--stream-port", str(stream), "--keepalive", "0.1"]
    command += ["--control-port", str(control), "--data", str(data), "--pace", "pause"]
    given = {
        "SANDBOX_SALESFORCE_CLIENT_ID": CLIENT_ID,
        "SANDBOX_SALESFORCE_CLIENT_SECRET": CLIENT_SECRET,
    }
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **given})
    url, door = f"http://127.0.0.1:{port}", ControlDoor(f"http://127.0.0.1:{control}")
    org = Org(url, f"http://127.0.0.1:{stream}", door, process)
    for wanted in (port, control, stream):
        wait_for(wanted, process)
    return org


@dataclass
class Town:
    """Pretend vendors in one process. `secrets` are each one's credentials by lower-case name."""

    urls: Mapping[str, str]
    controls: Mapping[str, ControlDoor]
    secrets: Mapping[str, Mapping[str, str]]
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(120)


def start_town(data: Path) -> Town:
    """Start every vendor of the town on free ports and wait until they answer."""
    ports = {name: free_port() for name in town.names()}
    drawn = {name: draw(town.ROOM / name / "system.toml") for name in ports}
    urls = {
        name: f"{scheme(town.ROOM / name / 'system.toml')}://127.0.0.1:{port}"
        for name, port in ports.items()
    }
    given = {f"SANDBOX_{name.upper()}_URL": url for name, url in urls.items()}
    for credentials in drawn.values():
        given |= credentials
    control = free_port()
    command = [sys.executable, "-m", "integrations.sandbox.town", "--data", str(data)]
    command += ["--control-port", str(control)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **given})
    for wanted in (*ports.values(), control):
        wait_for(wanted, process)
    return Town(
        urls,
        {name: ControlDoor(f"http://127.0.0.1:{control}/{name}") for name in ports},
        {
            name: {
                key.removeprefix(f"SANDBOX_{name.upper()}_").lower(): v for key, v in found.items()
            }
            for name, found in drawn.items()
        },
        process,
    )


def wait_for(port: int, server: subprocess.Popen[bytes], seconds: float = 240) -> None:
    """Wait until the server listens. Raises ChildProcessError when it has ended, TimeoutError."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.poll() is not None:
            raise ChildProcessError(f"the server for {port} ended with {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")
