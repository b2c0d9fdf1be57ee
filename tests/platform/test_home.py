"""The home: one tower at a time, secrets kept private, ports kept or exchanged."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from controltower.supervisor.home import (
    REPOSITORY,
    SANDBOX_DOORS,
    Home,
    StartProblem,
    port_is_free,
)

HOLD = (
    "import sys, time; from pathlib import Path\n"
    "from controltower.supervisor.home import Home\n"
    "home = Home(Path(sys.argv[1])); home.prepare(); home.lock()\n"
    "print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def test_a_second_tower_in_one_home_is_refused_until_the_first_is_gone(home: Home) -> None:
    command = [sys.executable, "-c", HOLD, str(home.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as first:
        assert first.stdout is not None
        first.stdout.readline()
        assert home.holder() == first.pid
        with pytest.raises(StartProblem, match=r"already runs from .* bin/down stops it"):
            home.lock()
        first.kill()
    assert home.holder() is None
    home.lock()


def test_a_lock_file_without_a_holder_is_only_a_file(home: Home) -> None:
    (home.path / "lock").write_text("1\n")
    home.lock()
    assert (home.path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_place_that_cannot_be_a_home_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartProblem, match=r"cannot be written to .* choose another with --home"):
        Home(tmp_path / "file" / "home").prepare()


def test_secrets_are_drawn_once_and_private(home: Home) -> None:
    first = home.secret_key()
    assert len(first) >= 50
    assert home.secret_key() == first
    credentials = home.sandbox(18001)["credentials"]
    assert home.sandbox(18001)["credentials"] == credentials
    assert credentials["SANDBOX_WEBHOOK_SECRET"].startswith("whsec_")
    for name in ("secret.json", "sandbox.json"):
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o600


def test_sandbox_ports_are_kept_unless_another_program_took_one(home: Home) -> None:
    ports = home.sandbox(18001)["ports"]
    assert home.sandbox(18001)["ports"] == ports
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", ports["tryton"]))
        foreign.listen()
        assert not port_is_free(ports["tryton"])
        moved = home.sandbox(18001)["ports"]
    assert moved["tryton"] != ports["tryton"]
    assert moved["salesforce"] == ports["salesforce"]
    assert len(set(moved.values())) == len(SANDBOX_DOORS)


def test_a_vendor_that_joins_later_gets_credentials_of_its_own(home: Home) -> None:
    drawn = home.sandbox(18001)["credentials"]
    joined = {name: value for name, value in drawn.items() if name.startswith("SANDBOX_BAMBOOHR")}
    assert joined
    kept = json.loads((home.path / "sandbox.json").read_text())
    kept["credentials"] = {n: v for n, v in drawn.items() if n not in joined}
    (home.path / "sandbox.json").write_text(json.dumps(kept))
    again = home.sandbox(18001)["credentials"]
    assert again.keys() == drawn.keys()
    assert {n: v for n, v in again.items() if n not in joined} == kept["credentials"]
    assert home.sandbox(18001)["credentials"] == again


def test_a_half_written_state_is_no_state(home: Home) -> None:
    home.state_file.write_text('{"address": ')
    assert home.state() == {}
    home.state_file.write_text(json.dumps({"address": "http://127.0.0.1:1"}))
    assert home.state()["address"] == "http://127.0.0.1:1"
