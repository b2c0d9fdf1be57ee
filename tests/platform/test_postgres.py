"""The embedded PostgreSQL: starts, keeps, survives, and shows why it cannot."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from controltower.embedded.postgres import OWNER, SUPERUSER, Postgres
from controltower.embedded.process import ServerProblem


@pytest.fixture
def server(open_directory: Path) -> Iterator[Postgres]:
    server = Postgres(open_directory / "postgres")
    server.start()
    yield server
    server.discard()


def test_data_outlives_a_stop(server: Postgres) -> None:
    with psycopg.connect(server.url(OWNER)) as connection:
        connection.execute("CREATE TABLE kept (fact text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")
    server.stop()
    assert server.is_gone()

    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT fact FROM kept").fetchall() == [("still here",)]


def test_the_application_may_write_but_owns_nothing(server: Postgres) -> None:
    with psycopg.connect(server.url(OWNER)) as owner:
        owner.execute("CREATE TABLE audit (entry text)")
        owner.execute("REVOKE UPDATE, DELETE ON audit FROM tower_app")
    with psycopg.connect(server.url(), autocommit=True) as application:
        application.execute("INSERT INTO audit VALUES ('a decision')")
        for forbidden in (
            "UPDATE audit SET entry = 'another'",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "DROP TABLE audit",
            "ALTER TABLE audit ADD COLUMN more text",
            "CREATE TABLE mine (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(forbidden)


def test_new_databases_inherit_the_grants_and_trusted_extensions(server: Postgres) -> None:
    with psycopg.connect(server.url(OWNER), autocommit=True) as owner:
        owner.execute("CREATE DATABASE another")
    with psycopg.connect(server.url(OWNER, "another")) as owner:
        owner.execute("CREATE EXTENSION pg_trgm")
        owner.execute("CREATE TABLE things (x int)")
    with psycopg.connect(server.url(database="another")) as application:
        assert application.execute("SELECT count(*) FROM things").fetchone() == (0,)


def test_text_is_compared_as_unicode_code_points(server: Postgres) -> None:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) "
            "FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row == ("b", "C.UTF-8", "UTF8")


def test_no_network_and_no_readable_password(server: Postgres) -> None:
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    passwords = server.directory / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    assert len(set(server.passwords.values())) == 3
    wrong = server.url().replace(server.passwords["tower_app"], "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_a_killed_server_starts_again_with_what_was_committed(server: Postgres) -> None:
    with psycopg.connect(server.url(OWNER)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
    process = server._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not server.is_gone(), "a kill leaves the pid file behind"

    deadline = time.monotonic() + 120
    while True:
        try:
            server.start()
            break
        except ServerProblem:
            assert time.monotonic() < deadline
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT x FROM kept").fetchall() == [(1,)]


def test_a_second_server_on_the_same_data_is_refused_with_a_sentence(server: Postgres) -> None:
    with pytest.raises(ServerProblem, match=r"already uses .* stop it with 'kill -INT \d+'"):
        Postgres(server.directory).prepare()


def test_a_pid_file_whose_number_is_another_programs_is_stale(server: Postgres) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    server.start()
    assert server.is_ready()


@pytest.mark.usefixtures("as_root")
def test_a_home_below_a_closed_directory_stays_closed(closed_directory: Path) -> None:
    server = Postgres(closed_directory / "postgres")
    server.start()
    place = server.place
    try:
        assert not place.is_relative_to(closed_directory)
        assert stat.S_IMODE(closed_directory.parent.stat().st_mode) == 0o700
        assert server.data.stat().st_uid != 0
        with psycopg.connect(server.url(SUPERUSER)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.stop()
        again = Postgres(closed_directory / "postgres")
        again.prepare()
        assert again.place == place
    finally:
        server.discard()
    assert not place.exists()


def test_a_long_path_gets_a_short_socket(open_directory: Path) -> None:
    server = Postgres(open_directory / ("deep" * 30) / "postgres")
    server.start()
    try:
        assert len(str(server.socket_directory)) < 90
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.discard()
    assert not server.socket_directory.exists()
