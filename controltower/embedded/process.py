"""Programs as the operating system sees them: who runs them, how they end, what they may read."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel's limit is 104 (macOS) or 108 (Linux), the closing zero included."""

UNPRIVILEGED_ACCOUNTS = ("controltower", "postgres", "nobody", "daemon")


class ServerProblem(Exception):
    """An embedded server cannot do its work; the text says why and what to do, in one sentence."""


@dataclass(frozen=True)
class Account:
    """The operating-system account that PostgreSQL runs under when we are root."""

    uid: int
    gid: int

    def reaches(self, path: Path) -> bool:
        """Whether this account may enter or execute ``path``: asked of the system, not computed."""
        return run_as(self, ["test", "-x", str(path)]).returncode == 0


class Identity(TypedDict, total=False):
    """The arguments of ``subprocess`` that change who runs the program."""

    user: int
    group: int
    extra_groups: list[int]


def unprivileged_account() -> Account | None:
    """The account for PostgreSQL, which refuses to run as root; None when we are not root.

    Raises ``ServerProblem`` when there is no such account, or when our own has no name: initdb
    looks its user up in the account database.
    """
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError as unnamed:
            raise ServerProblem(
                f"User id {os.geteuid()} has no account on this machine, which PostgreSQL needs; "
                "set DATABASE_URL to a PostgreSQL server of your own."
            ) from unnamed
        return None
    for name in UNPRIVILEGED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise ServerProblem(
        "PostgreSQL refuses to run as root and this machine has no unprivileged account for it; "
        "create one with 'useradd --system controltower', or set DATABASE_URL."
    )


def identity(account: Account | None) -> Identity:
    """The arguments that run a program as ``account``; none for ourselves."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def run_as(
    account: Account | None, command: list[str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to completion as ``account`` and hand back what was said."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd or Path("/"),
        env=plain_environment(),
        check=False,
        **identity(account),
    )


def plain_environment() -> dict[str, str]:
    """An environment that no setting of the caller's (PGHOST, LC_ALL, ...) can bend."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def program_of(pid: int) -> str:
    """The command line of a running process; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        if Path("/proc/self").exists():
            return ""
    return run_as(None, ["ps", "-o", "args=", "-p", str(pid)]).stdout.strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(name).replace(path)


def short_directory(wanted: Path, socket_name: str) -> Path:
    """A directory for ``socket_name``: ``wanted``, or one in /tmp when the path would be too long.

    A short one is remembered beside ``wanted``, for the programs that look for it later.
    """
    if len(os.fsencode(wanted / socket_name)) <= LONGEST_SOCKET_PATH:
        wanted.mkdir(mode=0o700, exist_ok=True)
        return wanted
    note = wanted.with_suffix(".elsewhere")
    if note.exists() and Path(note.read_text()).is_dir():
        return Path(note.read_text())
    short = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
    note.write_text(str(short))
    return short


def wait_until(
    is_ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, seconds: float = 60
) -> None:
    """Wait for a program just started; raises ``ServerProblem`` when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if process.poll() is not None:
            raise ServerProblem(f"{name} stopped at once (exit {process.returncode}).")
        if time.monotonic() > deadline:
            raise ServerProblem(f"{name} was not ready after {seconds:.0f} s.")
        time.sleep(0.02)


def stop_process(
    process: subprocess.Popen[bytes], polite: signal.Signals, seconds: float = 20
) -> None:
    """Ask a program to end; after ``seconds`` make it."""
    if process.poll() is not None:
        return
    process.send_signal(polite)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_line(text: str) -> str:
    """The last thing a program said, without its closing full stop."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it gave no reason"
