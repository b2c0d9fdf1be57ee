"""The embedded Valkey: starts, keeps, survives, and refuses a socket in use."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from controltower.embedded.process import ServerProblem
from controltower.embedded.valkey import Valkey


@pytest.fixture
def server(open_directory: Path) -> Iterator[Valkey]:
    server = Valkey(open_directory / "valkey")
    server.start()
    yield server
    server.discard()


def test_data_outlives_a_stop(server: Valkey) -> None:
    Redis.from_url(server.url()).set("fact", "still here")
    server.stop()
    assert server.is_gone()
    server.start()
    assert Redis.from_url(server.url()).get("fact") == b"still here"


def test_nothing_is_evicted_and_only_we_may_connect(server: Valkey) -> None:
    settings = Redis.from_url(server.url()).config_get("*")
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert settings["port"] == "0"
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700


def test_a_killed_server_starts_again(server: Valkey) -> None:
    process = server._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    server.start()
    assert Redis.from_url(server.url()).ping()


def test_a_socket_in_use_is_refused_with_a_sentence(server: Valkey) -> None:
    with pytest.raises(ServerProblem, match=r"Another server already answers on .*; stop it"):
        Valkey(server.directory).prepare()


def test_a_long_path_gets_a_short_socket(open_directory: Path) -> None:
    server = Valkey(open_directory / ("deep" * 30) / "valkey")
    server.start()
    try:
        assert Redis.from_url(server.url()).ping()
    finally:
        server.discard()
