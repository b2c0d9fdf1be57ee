"""What every measurement stands on: durable servers of the run's own, the stub, and processes that
end with the run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from controltower.embedded.postgres import OWNER
from controltower.embedded.process import program_of
from controltower.supervisor.home import free_port, port_answers
from tests.servers import Servers, start_servers

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FIRST_PORT = int(os.environ.get("BENCH_FIRST_PORT", "8700"))
TABLES = """
CREATE TABLE bench_event (
    id bigint PRIMARY KEY, payload text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE bench_result (
    event_id bigint PRIMARY KEY REFERENCES bench_event,
    answer text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE bench_intake (id text PRIMARY KEY, body text NOT NULL);
"""


class Trouble(Exception):
    """A process of the run could not do its part; the text says which and where its words are."""


@dataclass
class Ground:
    """The servers of one run (fsync on), the stub, and everything that was started beside them."""

    servers: Servers
    directory: Path
    database: str
    stub_port: int
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def stub(self) -> str:
        """The far side's address."""
        return f"http://127.0.0.1:{self.stub_port}"

    def spawn(
        self, name: str, command: Sequence[str], more: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a program in its own session; its words go to a log below the run's directory."""
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=REPOSITORY,
                env=self.environment(more),
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def run(self, name: str, command: Sequence[str], more: Mapping[str, str]) -> str:
        """Run a program to its end; what it printed. Raises Trouble."""
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env=self.environment(more),
            check=False,
        )
        if done.returncode:
            raise Trouble(
                f"{name} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}"
            )
        return done.stdout

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Our own, what a peer needs, and what the caller adds."""
        mine = {
            "BENCH_DATABASE": self.database,
            "BENCH_REDIS": self.servers.valkey.url(),
            "BENCH_STUB": self.stub,
            "PYTHONPATH": str(REPOSITORY),
        }
        return {**os.environ, **mine, **more}

    def server_pids(self) -> set[int]:
        """PostgreSQL's and Valkey's own processes: those started with files of this run."""
        running = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
        return {pid for pid in running if str(self.directory) in program_of(pid)}

    def control(self, *words: str) -> Any:
        """Ask the stub: count, reset, slow."""
        with urllib.request.urlopen(f"{self.stub}/control/{'/'.join(words)}", timeout=5) as said:
            return json.load(said)

    def calls(self) -> int:
        """How many calls the stub has seen since its last reset."""
        return int(sum(self.control("count")["calls"].values()))

    @contextlib.contextmanager
    def running(
        self, name: str, commands: Sequence[Sequence[str]], more: Mapping[str, str] | None = None
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Programs that run for the length of the block."""
        started = [
            self.spawn(f"{name}-{number}", command, more or {})
            for number, command in enumerate(commands, start=1)
        ]
        try:
            yield started
            dead = [process.args for process in started if process.poll() is not None]
            if dead:
                raise Trouble(f"{name} ended by itself; its words are in {self.words(name)}")
        finally:
            self.end(started)

    def words(self, name: str) -> str:
        """The last lines of a program's logs: the run's directory is removed at the end."""
        logs = sorted(self.directory.glob(f"{name}-*.log"))
        return "\n".join(log.read_text(errors="replace")[-1500:] for log in logs)

    def end(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        """Ask each whole session to end; make it after ten seconds."""
        for process in processes:
            _signal(process, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
            _signal(process, signal.SIGKILL)
            self._running.remove(process)

    def stop(self) -> None:
        """End everything and remove the run's files."""
        self.end(list(self._running))
        self.servers.stop()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Durable servers, a database for peers, and the stub, for the length of the block."""
    servers = start_servers(durable=True)
    prepared = Ground(
        servers,
        servers.directory,
        servers.postgres.url(OWNER, "bench"),
        free_port(FIRST_PORT + 1),
    )
    try:
        with psycopg.connect(servers.postgres.url(OWNER), autocommit=True) as store:
            store.execute("CREATE DATABASE bench")
        with psycopg.connect(prepared.database, autocommit=True) as store:
            store.execute(TABLES)
        command = [sys.executable, "-m", "tests.bench.stub", str(prepared.stub_port)]
        prepared.spawn("stub", command, {})
        until(lambda: port_answers(prepared.stub_port), 20, "the stub")
        yield prepared
    finally:
        prepared.stop()


def until(is_so: Any, seconds: float, what: str) -> None:
    """Wait for something. Raises Trouble when it does not come."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise Trouble(f"{what} was not there after {seconds:.0f} s")
        time.sleep(0.1)
