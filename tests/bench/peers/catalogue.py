"""The peers: what a user would pick instead, each tuned as its own documentation advises."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from controltower.bootstrap import REPOSITORY, make_environments, python_of

WORK = "tests.bench.peers"
ENVIRONMENTS = REPOSITORY / ".venv"


@dataclass(frozen=True)
class Peer:
    """One peer. `environment` "" is the product's own; `workers` are module words of each worker
    process; `packages` are shown with their versions; `backlog` is what a round drains, `pressed`
    how many events a second are offered while the producer runs."""

    name: str
    module: str
    environment: str
    workers: Sequence[Sequence[str]]
    packages: Sequence[str]
    configured: str
    backlog: int
    pressed: float = 2000
    needs_schema: bool = False

    @property
    def python(self) -> str:
        """Its interpreter."""
        if not self.environment:
            return sys.executable
        return python_of(ENVIRONMENTS / self.environment)

    def prepare(self) -> None:
        """Make its environment on first use. Raises NoEnvironment."""
        if self.environment:
            make_environments(ENVIRONMENTS, [self.environment])

    def producer(self, *words: str) -> list[str]:
        """The command that feeds it: `backlog FIRST COUNT`, `produce FIRST SECONDS RATE`."""
        return [self.python, "-m", f"{WORK}.{self.module}", *words]

    def worker_commands(self) -> list[list[str]]:
        """One command for each of its worker processes."""
        return [[self.python, "-m", *words] for words in self.workers]

    def told(self) -> str:
        """Versions and configuration, for the report."""
        site = Path(self.python).parent.parent / "lib"
        found = {
            one.name.lower(): one.version
            for one in distributions(path=[str(path) for path in site.glob("*/site-packages")])
        }
        versions = ", ".join(f"{name} {found.get(name, '?')}" for name in self.packages)
        return f"{versions}. {self.configured}"


_CELERY = ["celery", "-A", f"{WORK}.with_celery:app", "worker", "--pool", "threads"]
_CELERY += ["--concurrency", "32", "--without-gossip", "--without-mingle", "--without-heartbeat"]
_CELERY += ["--loglevel", "WARNING"]

RQ = Peer(
    name="RQ, one job a step",
    module="with_rq",
    environment="",
    workers=[[f"{WORK}.with_rq", "worker"]] * 2,
    packages=["rq", "redis", "psycopg"],
    configured="2 SimpleWorkers (no fork), results not kept, one commit a result; at most once "
    "when a worker dies in a job",
    backlog=600,
    pressed=200,
)
CELERY = Peer(
    name="Celery",
    module="with_celery",
    environment="bench-celery",
    workers=[[*_CELERY, "--hostname", f"{name}@bench"] for name in ("one", "two")],
    packages=["celery", "kombu", "redis", "psycopg"],
    configured="2 workers × pool threads 32, prefetch 4 × 32, acks_late and reject_on_worker_lost, "
    "results ignored, no gossip, mingle or heartbeat; one commit a result",
    backlog=1500,
)
DRAMATIQ = Peer(
    name="Dramatiq",
    module="with_dramatiq",
    environment="bench-dramatiq",
    workers=[["dramatiq", f"{WORK}.with_dramatiq", "--processes", "2", "--threads", "32"]],
    packages=["dramatiq", "redis", "psycopg"],
    configured="2 processes × 32 threads, default prefetch, acknowledged after the work, 3 "
    "retries; one commit a result",
    backlog=3000,
)
PROCRASTINATE = Peer(
    name="Procrastinate",
    module="with_procrastinate",
    environment="bench-procrastinate",
    workers=[[f"{WORK}.with_procrastinate", "worker"]] * 2,
    packages=["procrastinate", "psycopg", "aiohttp"],
    configured="2 workers × concurrency 50, asynchronous tasks, LISTEN on, successful jobs "
    "deleted; one commit a result",
    backlog=1500,
    needs_schema=True,
)
PGQUEUER = Peer(
    name="pgqueuer",
    module="with_pgqueuer",
    environment="bench-pgqueuer",
    workers=[[f"{WORK}.with_pgqueuer", "worker"]] * 2,
    packages=["pgqueuer", "asyncpg", "psycopg", "aiohttp", "uvloop"],
    configured="2 workers × batch 50 without a limit of concurrency, asyncpg pool, uvloop; one "
    "commit a result",
    backlog=3000,
    needs_schema=True,
)
PEERS = (RQ, CELERY, DRAMATIQ, PROCRASTINATE, PGQUEUER)
