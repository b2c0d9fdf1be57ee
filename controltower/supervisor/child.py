"""One supervised process: begun, watched, begun again after a pause, ended with its descendants."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from controltower.embedded.process import ServerProblem, run_as

LONG_ENOUGH = 30.0
"""Seconds after which a process counts as healthy and its earlier deaths are forgotten."""

LONGEST_PAUSE = 30.0
"""Seconds between two starts of a process that keeps dying."""

FAILURES_WORTH_A_LOOK = 3
"""Deaths in a row after which the message sends the reader to the log."""

LOG_LIMIT = 20 * 1024 * 1024
"""Bytes after which a log is put aside, once."""


@dataclass
class Child:
    """A process by name: how to begin it, how to see that it is ready, when to end it.

    ``stage`` orders the end: the highest stage goes first.
    """

    name: str
    stage: int
    spawn: Callable[[IO[bytes]], subprocess.Popen[bytes]]
    log: Path
    is_ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 15.0
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    restarts: int = 0
    failures: int = 0
    last_exit: str = ""
    begun: float = 0.0
    begin_again: float = 0.0
    identity: str = field(default="", repr=False)

    def begin(self) -> None:
        """Start the process; its output is appended to the log, readable by its owner only."""
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as log:
            self.process = self.spawn(log)
        self.begun = time.monotonic()
        self.ready = False
        self.identity = identity_of(self.process.pid)

    def tick(self) -> str:
        """Look once. Hands back what there is to tell, or nothing."""
        now = time.monotonic()
        if self.process is None:
            return self._begin_again() if now >= self.begin_again else ""
        if self.process.poll() is not None:
            return self._has_died(now)
        if not self.ready and self.is_ready():
            self.ready = True
            return f"{self.name} runs again" if self.restarts else ""
        if now - self.begun > LONG_ENOUGH:
            self.failures = 0
        return ""

    def ask_to_end(self) -> None:
        """Send the polite signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process is None or self.process.poll() is not None

    def make_end(self) -> None:
        """End what is left: the process itself, then whatever it started and left behind."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        end_session(self.process.pid)
        self.process = None
        self.ready = False

    def words(self) -> str:
        """The last lines of the log, for a message."""
        try:
            text = self.log.read_text(errors="replace")[-4000:]
        except FileNotFoundError:
            return ""
        return "\n".join(f"    {line}" for line in text.splitlines()[-8:])

    def rotate_log(self) -> None:
        """Put a log that has grown too long aside; the writer appends, so it goes on from zero."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            aside = self.log.with_suffix(".log.1")
            aside.write_bytes(self.log.read_bytes())
            aside.chmod(0o600)
            os.truncate(self.log, 0)

    def facts(self) -> dict[str, Any]:
        """What ``bin/status`` shows about it."""
        state = "ready" if self.ready else "starting" if self.process else "waiting to restart"
        return {
            "name": self.name,
            "state": state,
            "pid": self.process.pid if self.process else None,
            "identity": self.identity,
            "stop_signal": int(self.stop_signal),
            "restarts": self.restarts,
            "last_exit": self.last_exit,
            "log": str(self.log),
        }

    def _has_died(self, now: float) -> str:
        assert self.process is not None
        code = self.process.returncode
        self.last_exit = signal.Signals(-code).name if code < 0 else f"exit {code}"
        end_session(self.process.pid)
        self.process = None
        self.ready = False
        self.failures += 1
        pause = min(LONGEST_PAUSE, 0.25 * 2**self.failures)
        self.begin_again = now + pause
        if self.failures > FAILURES_WORTH_A_LOOK:
            return (
                f"{self.name} keeps stopping ({self.last_exit}); next try in {pause:.0f} s, "
                f"its log is {self.log}"
            )
        return f"{self.name} stopped ({self.last_exit}); starting it again in {pause:.1f} s"

    def _begin_again(self) -> str:
        self.restarts += 1
        try:
            self.prepare()
            self.begin()
        except (ServerProblem, OSError) as problem:
            self.failures += 1
            self.begin_again = time.monotonic() + min(LONGEST_PAUSE, 0.25 * 2**self.failures)
            return f"{self.name} cannot start: {problem}"
        return ""


def identity_of(pid: int) -> str:
    """Number and birth of a process: a number alone is given to another process one day."""
    if Path("/proc/self/stat").exists():
        birth = _birth_from_proc(pid)
    else:
        birth = run_as(None, ["ps", "-o", "lstart=", "-p", str(pid)]).stdout.strip()
    return f"{pid}@{birth}" if birth else ""


def _birth_from_proc(pid: int) -> str:
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if facts[0] == "Z" else facts[19]


def end_session(leader: int, seconds: float = 5.0) -> None:
    """End every process of the session that ``leader`` began, politely at first."""
    deadline = time.monotonic() + seconds
    how = signal.SIGTERM
    while members := _session_members(leader):
        for pid in members:
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            how = signal.SIGKILL
        time.sleep(0.05)


def _session_members(leader: int) -> list[int]:
    if not Path("/proc/self/stat").exists():
        lines = run_as(None, ["ps", "-A", "-o", "pid=,sess="]).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if line.split()[1:] == [str(leader)]]
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if session == str(leader) and state != "Z":
            members.append(int(entry.name))
    return members
