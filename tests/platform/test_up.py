"""The two commands as a person uses them: a real tower, from its first start to its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controltower.supervisor.child import identity_of
from controltower.supervisor.home import REPOSITORY
from tests.platform.commands import Commands

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    commands = Commands(tmp_path_factory.mktemp("up") / "home")
    started = commands.up("--empty")
    assert started.returncode == 0, started.stdout + started.stderr
    yield commands
    commands.forget()


def test_status_tells_people_and_programs(tower: Commands) -> None:
    facts = tower.until_ready()
    assert facts["address"] == f"http://127.0.0.1:{tower.port}"
    assert set(tower.processes()) == {
        "PostgreSQL", "Valkey", "dispatcher", "worker intake", "worker feeds", "worker engine 1",
        "worker engine 2", "worker replays", "web",
    }  # fmt: skip
    told = tower.run("status")
    assert told.returncode == 0
    assert f"Control Tower is up: http://127.0.0.1:{tower.port}" in told.stdout


def test_an_empty_tower_holds_no_pretend_firm_and_takes_a_real_one(tower: Commands) -> None:
    tower.until_ready()
    assert not (tower.home / "demo-logins.json").exists()
    example = str(REPOSITORY / "docs" / "examples" / "fernwood.toml")
    done = tower.run("manage", "found", example)
    assert done.returncode == 0, done.stderr
    assert "Fernwood Example Consulting is founded" in done.stdout
    assert (tower.home / "first-logins.json").stat().st_mode & 0o077 == 0
    refused = tower.run("manage", "seed_demo")
    assert refused.returncode == 1
    assert "no pretend firm beside it" in refused.stderr


def test_secrets_are_private(tower: Commands) -> None:
    for name in ("environment.json", "secret.json", "postgres/passwords.json"):
        assert (tower.home / name).stat().st_mode & 0o077 == 0, name
    for log in (tower.home / "logs").iterdir():
        password = json.loads((tower.home / "postgres" / "passwords.json").read_text())["tower_app"]
        assert password not in log.read_text(errors="replace"), log


def test_a_second_start_in_the_same_home_is_refused(tower: Commands) -> None:
    again = tower.up("--empty")
    assert again.returncode == 1
    assert "A tower already runs from" in again.stdout
    assert "bin/down stops it" in again.stdout


def test_a_taken_port_is_named_with_a_way_out(tower: Commands, tmp_path: Path) -> None:
    other = Commands(tmp_path / "home")
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        other.port = foreign.getsockname()[1]
        refused = other.up("--empty")
    assert refused.returncode == 1
    assert f"Port {other.port} is taken by another program" in refused.stdout
    assert "bin/up --port" in refused.stdout


@pytest.mark.parametrize("name", ["worker engine 1", "dispatcher", "web", "Valkey", "PostgreSQL"])
def test_a_killed_process_comes_back(tower: Commands, name: str) -> None:
    tower.until_ready()
    before = tower.processes()[name]
    os.kill(before["pid"], signal.SIGKILL)
    after = tower.until_restarted(before)
    tower.until_ready()
    assert after["last_exit"] == "SIGKILL"


def test_a_management_command_runs_in_the_tower(tower: Commands) -> None:
    tower.until_ready()
    done = tower.run("manage", "shell", "--command", "print(6 * 7)")
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout


def test_a_tower_whose_supervisor_was_killed_starts_again(tower: Commands) -> None:
    tower.until_ready()
    orphans = [p["pid"] for p in tower.status()["processes"]]
    os.kill(int((tower.home / "lock").read_text()), signal.SIGKILL)
    time.sleep(0.2)
    told = tower.run("status")
    assert told.returncode == 3
    assert "bin/down ends them" in told.stdout
    started = tower.up("--no-sandbox")
    assert started.returncode == 0, started.stdout
    assert "left over from a killed tower" in started.stdout
    assert not any(identity_of(pid) for pid in orphans)


def test_down_leaves_nothing_running(tower: Commands) -> None:
    facts = tower.until_ready()
    stopped = tower.run("down")
    assert stopped.returncode == 0
    assert stopped.stdout.strip() == "Stopped."
    assert not any(identity_of(process["pid"]) for process in facts["processes"])
    assert not (tower.home / "environment.json").exists()
    assert tower.run("status").returncode == 3
    assert tower.run("manage", "check").returncode == 3
    assert "No tower runs from" in tower.run("down").stdout
