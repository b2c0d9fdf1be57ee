"""bin/up and its companions, as the tests call them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from controltower.supervisor.home import REPOSITORY
from integrations.sandbox.ports import free_block

PATIENCE = 300.0


class Commands:
    """bin/up and its companions for one home and port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_block()

    def run(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """One command to its end, without the tests' own servers in its environment."""
        with self.begin(name, *words) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def begin(self, name: str, *words: str) -> subprocess.Popen[str]:
        """One command, not waited for."""
        own = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
        return subprocess.Popen(
            [sys.executable, str(REPOSITORY / "bin" / name), "--home", str(self.home), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={key: value for key, value in os.environ.items() if key not in own},
        )

    def up(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Start it in the background."""
        return self.run("up", "--detach", "--port", str(self.port), *words)

    def status(self) -> dict[str, Any]:
        """What bin/status tells a program."""
        facts: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return facts

    def processes(self) -> dict[str, dict[str, Any]]:
        """The same, process by process."""
        return {process["name"]: process for process in self.status()["processes"]}

    def until_ready(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until everything is up."""
        deadline = time.monotonic() + seconds
        while not (facts := self.status())["ready"]:
            assert time.monotonic() < deadline, facts
            time.sleep(0.3)
        return facts

    def until_restarted(self, before: dict[str, Any], seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until a process has been begun again since ``before``."""
        deadline = time.monotonic() + seconds
        while (after := self.processes()[before["name"]])["restarts"] == before["restarts"]:
            assert time.monotonic() < deadline, after
            time.sleep(0.2)
        return after

    def forget(self) -> None:
        """Stop, and remove the places that a home below a closed directory had to use."""
        self.run("down")
        for note in self.home.rglob("*elsewhere"):
            shutil.rmtree(note.read_text().strip(), ignore_errors=True)
