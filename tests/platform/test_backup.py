"""bin/backup and bin/restore: a whole tower out into one file, and in again."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from controltower.embedded import dump
from controltower.embedded.postgres import OWNER, Postgres
from controltower.embedded.process import ServerProblem
from controltower.supervisor import backup
from controltower.supervisor.home import Home, StartProblem

FACTS = 20_000


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A short path that PostgreSQL's own account may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="ct-open-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def home(place: Path) -> Iterator[Home]:
    """A home with a server that runs, a schema and some facts: as bin/up leaves it."""
    home = Home(place / "home")
    home.prepare()
    home.secret_key()
    server = Postgres(home.path / "postgres", durable=False)
    server.start()
    with psycopg.connect(server.url(OWNER)) as owner:
        owner.execute("CREATE TABLE django_migrations (app text, name text)")
        owner.execute("INSERT INTO django_migrations VALUES ('systems', '0001_initial')")
        owner.execute(
            "CREATE TABLE facts (n int PRIMARY KEY, amount numeric NOT NULL) PARTITION BY RANGE (n)"
        )
        owner.execute("CREATE TABLE all_facts PARTITION OF facts DEFAULT")
        owner.execute("REVOKE DELETE ON facts FROM tower_app")
        owner.execute(
            "INSERT INTO facts SELECT n, n / 100.0 FROM generate_series(1, %s) n", [FACTS]
        )
    _write_environment(home, server.url(OWNER))
    home.lock()
    yield home
    server.discard()


@pytest.fixture(scope="module")
def file(home: Home, place: Path) -> Path:
    """A backup of it."""
    target = place / "one.backup"
    assert backup.back_up(home, target)["schema"] == ["systems.0001_initial"]
    return target


def _write_environment(home: Home, url: str) -> None:
    home.environment_file.write_text(json.dumps({"DATABASE_OWNER_URL": url}))


def _owner_url(home: Home) -> str:
    return str(json.loads(home.environment_file.read_text())["DATABASE_OWNER_URL"])


def test_a_home_with_data_is_put_aside_and_what_was_backed_up_comes_back_with_its_rights(
    home: Home, file: Path, place: Path
) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = Home(place / "other")
    other.prepare()
    (other.path / "postgres").mkdir()
    (other.path / "postgres" / "precious").write_text("do not lose me")
    with pytest.raises(StartProblem, match="has data already"):
        backup.restore(file, other, force=False)
    done = backup.restore(file, other, force=True)
    assert (Path(done["aside"]) / "postgres" / "precious").read_text() == "do not lose me"
    assert other.secret_key() == home.secret_key()
    server = Postgres(other.path / "postgres", durable=False)
    server.start()
    try:
        with psycopg.connect(server.url()) as application:
            rows = application.execute("SELECT count(*), sum(amount) FROM facts").fetchone()
            assert rows == (FACTS, FACTS * (FACTS + 1) // 2 / 100)
            planned = application.execute("SELECT reltuples FROM pg_class WHERE relname = 'facts'")
            assert planned.fetchone() == (FACTS,)  # nothing else ever looks at it as a whole
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("DELETE FROM facts")
    finally:
        server.discard()


def test_a_running_tower_is_never_restored_over(home: Home, file: Path) -> None:
    with pytest.raises(StartProblem, match="stop it with bin/down"):
        backup.restore(file, Home(home.path), force=True)


def test_a_flipped_bit_is_found(file: Path, place: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = place / "damaged.backup"
    damaged.write_bytes(content)
    fresh = Home(place / "fresh")
    with pytest.raises(StartProblem, match="damaged"):
        backup.restore(damaged, fresh, force=False)
    assert not fresh.path.exists()


def test_a_backup_of_a_newer_schema_is_refused(home: Home, place: Path) -> None:
    with psycopg.connect(_owner_url(home)) as owner:
        owner.execute("INSERT INTO django_migrations VALUES ('systems', '9999_from_the_future')")
    newer = place / "newer.backup"
    backup.back_up(home, newer)
    with psycopg.connect(_owner_url(home)) as owner:
        owner.execute("DELETE FROM django_migrations WHERE name = '9999_from_the_future'")
    with pytest.raises(StartProblem, match="newer than"):
        backup.restore(newer, Home(place / "fresh"), force=False)


def test_what_fails_leaves_no_file(home: Home, place: Path) -> None:
    url, before = _owner_url(home), sorted(place.iterdir())
    _write_environment(home, "postgresql://tower_owner:wrong@/controltower?host=/nonexistent")
    try:
        with pytest.raises(ServerProblem, match="gave up"):
            backup.back_up(home, place / "two.backup")
    finally:
        _write_environment(home, url)
    assert sorted(place.iterdir()) == before
    with pytest.raises(StartProblem, match="choose another --to"):
        backup.back_up(home, Path("/nonexistent/one.backup"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_disk_that_fills_up_stops_the_dump(home: Home) -> None:
    with pytest.raises(OSError, match="No space"), Path("/dev/full").open("wb", 0) as full:
        dump.dump(_owner_url(home), full)


def test_a_foreign_file_and_a_stopped_tower_are_refused(place: Path) -> None:
    archive = place / "holiday.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("photo.jpg", b"sea")
    with pytest.raises(StartProblem, match="no backup of a tower"):
        backup.verify(archive)
    with pytest.raises(StartProblem, match="taken from a running one"):
        backup.back_up(Home(place / "nobody"), place / "one.backup")
