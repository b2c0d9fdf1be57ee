"""Supervised processes: real ones, that die, hang and leave others behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controltower.supervisor.child import Child, identity_of
from controltower.supervisor.plan import spawner

Maker = Callable[..., Child]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Maker]:
    """Makes a child that runs a line of Python, or a shell line."""
    made: list[Child] = []

    def make(code: str, **more: object) -> Child:
        command = [sys.executable, "-c", code]
        new = Child("a process", 3, spawner(command, dict(os.environ)), tmp_path / "log", **more)  # type: ignore[arg-type]
        made.append(new)
        return new

    yield make
    for one in made:
        one.make_end()


def _tick_until(child: Child, condition: Callable[[], bool], seconds: float = 120) -> list[str]:
    told: list[str] = []
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told
        if word := child.tick():
            told.append(word)
        time.sleep(0.02)
    return told


def test_a_killed_process_is_begun_again(child: Maker) -> None:
    one = child("import time; time.sleep(60)")
    one.begin()
    _tick_until(one, lambda: one.ready)
    assert one.process is not None
    first = one.process.pid
    os.kill(first, signal.SIGKILL)
    told = _tick_until(one, lambda: one.ready and one.restarts == 1)
    assert one.process is not None
    assert one.process.pid != first
    assert told == [
        "a process stopped (SIGKILL); starting it again in 0.5 s",
        "a process runs again",
    ]


def test_pauses_grow_while_a_process_keeps_dying(child: Maker) -> None:
    one = child("raise SystemExit('no luck today')", is_ready=lambda: False)
    one.begin()
    told = _tick_until(one, lambda: one.failures == 3)
    assert [line.rpartition(" in ")[2] for line in told] == ["0.5 s", "1.0 s", "2.0 s"]
    assert one.last_exit == "exit 1"
    assert "no luck today" in one.words()


def test_what_a_killed_process_left_behind_is_ended(child: Maker) -> None:
    one = child(
        "import subprocess, sys, time\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)\n"
        "sys.stdout.flush(); time.sleep(60)"
    )
    one.begin()
    _tick_until(one, lambda: one.log.exists() and one.log.read_text().strip() != "")
    orphan = int(one.log.read_text())
    assert identity_of(orphan)
    assert one.process is not None
    os.kill(one.process.pid, signal.SIGKILL)
    _tick_until(one, lambda: one.failures == 1)
    assert not identity_of(orphan)


def test_a_process_that_ignores_the_polite_signal_is_made_to_end(child: Maker) -> None:
    one = child(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True); time.sleep(60)"
    )
    one.begin()
    _tick_until(one, lambda: "deaf" in one.words())
    one.ask_to_end()
    time.sleep(0.2)
    assert not one.has_ended()
    one.make_end()
    assert one.has_ended()


def test_a_log_is_private_and_put_aside_when_long(child: Maker, tmp_path: Path) -> None:
    one = child("import time; print('x' * 30_000_000, flush=True); time.sleep(60)")
    one.begin()
    _tick_until(one, lambda: one.log.stat().st_size > 29_000_000)
    one.rotate_log()
    assert one.log.stat().st_size == 0
    assert (tmp_path / "log.log.1").stat().st_size > 29_000_000
    assert one.log.stat().st_mode & 0o077 == 0


def test_a_number_given_to_another_process_has_another_identity() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = identity_of(process.pid)
    assert identity.startswith(f"{process.pid}@")
    process.kill()
    process.wait()
    assert identity_of(process.pid) == ""
