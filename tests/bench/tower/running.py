"""Let the tower play, with its own workers, dispatcher and web process; and look at its books."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from controltower.embedded.postgres import APPLICATION, OWNER
from controltower.supervisor.home import free_port
from controltower.supervisor.plan import web_answers
from tests.bench.ground import FIRST_PORT, Ground, Trouble, until
from tests.bench.load import SECRET
from tests.bench.tower.process import SYSTEMS
from tests.servers import template

MANAGE = [sys.executable, "-m", "tests.bench.tower.manage"]
FEED = [sys.executable, "-m", "tests.bench.tower.feed"]
ENGINE = [[*MANAGE, "worker", "engine"]] * 2
DISPATCHER = [*MANAGE, "dispatcher"]
OTHERS = [[*MANAGE, "worker", queue] for queue in ("intake", "replays")]
EVERYTHING = [*ENGINE, *OTHERS, DISPATCHER]
"""As `bin/up` starts them: two workers for the engine, one each for intake and replays, one
dispatcher."""

DONE = "SELECT count(*) FROM transactions_step WHERE state = 'verified' AND done_at >= %(since)s"
OPEN = "SELECT count(*) FROM transactions_step WHERE state NOT IN ('verified', 'skipped')"
WAITING = "SELECT count(*) FROM transactions_inboundevent WHERE state = 'received'"
STORED = "SELECT count(*) FROM transactions_inboundevent WHERE received_at >= %(since)s"
MIDDLE = """
SELECT 0.8 * count(*) / nullif(extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (
    ORDER BY done_at) - percentile_disc(0.1) WITHIN GROUP (ORDER BY done_at)), 0)
FROM transactions_step WHERE state = 'verified' AND done_at >= %(since)s
"""
LATENCY = """
SELECT percentile_cont(%(shares)s::float8[]) WITHIN GROUP (
    ORDER BY extract(epoch FROM step.done_at - event.received_at))
FROM transactions_step step
JOIN transactions_item item USING (transaction_id)
JOIN transactions_inboundevent event ON event.id = item.event_id
JOIN systems_system system ON system.id = step.system_id
WHERE event.received_at >= %(since)s AND step.state = 'verified' AND system.slug <> %(without)s
"""
PATIENCE = 120.0


@dataclass
class Tower:
    """One tower on the ground, with a database of its own, migrated by the product."""

    ground: Ground
    name: str
    port: int = field(default_factory=lambda: free_port(FIRST_PORT + 2))
    _rounds: int = 0

    def __post_init__(self) -> None:
        postgres = self.ground.servers.postgres
        with psycopg.connect(postgres.url(OWNER), autocommit=True) as store:
            store.execute(f"CREATE DATABASE tower_{self.name} TEMPLATE {template()}")
        owner = postgres.url(OWNER, f"tower_{self.name}")
        self.owner = {"DATABASE_URL": owner}
        self._store = psycopg.connect(owner, autocommit=True)
        self._environment = {
            "DATABASE_URL": postgres.url(APPLICATION, f"tower_{self.name}"),
            "DATABASE_OWNER_URL": owner,
            "CONTROLTOWER_DATABASE_ROLE": APPLICATION,
            "REDIS_URL": self.ground.servers.valkey.url(),
            "CONTROLTOWER_HOME": str(self.ground.directory),
            "DJANGO_SETTINGS_MODULE": "controltower.settings",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "WEBHOOK_SECRET_BENCH": SECRET,
        }

    def prepare(self) -> None:
        """The schema, and the stub's systems."""
        self.migrate(MANAGE)
        self.run([*FEED, "systems"])

    def migrate(self, manage: Sequence[str]) -> None:
        """The schema alone."""
        self.run([*manage, "migrate", "--verbosity", "0"], self.owner)

    def run(self, command: Sequence[str], more: dict[str, str] | None = None) -> str:
        """One of the product's commands, to its end."""
        name = " ".join(command[1:4])
        return self.ground.run(name, command, self._environment | (more or {}))

    @contextlib.contextmanager
    def running(self, commands: Sequence[Sequence[str]]) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Some of its processes, for the length of the block."""
        with self.ground.running("tower", commands, self._environment) as started:
            yield started

    @contextlib.contextmanager
    def open(self) -> Iterator[subprocess.Popen[bytes]]:
        """Its web process, as `bin/up` starts it."""
        web = [sys.executable, "-m", "controltower.web.server", "--port", str(self.port)]
        with self.ground.running("web", [web], self._environment) as started:
            until(lambda: web_answers(self.port, "/healthz"), 30, "the tower's web process")
            yield started[0]

    def fill(self, count: int, stage: str) -> tuple[datetime, dict[str, float]]:
        """A backlog of due steps, and since when it is there; events a second of its making."""
        self._rounds += 1
        since = datetime.now(UTC)
        words = ["backlog", f"r{self._rounds}-{since:%H%M%S}", str(count), stage]
        told: dict[str, float] = json.loads(self.run([*FEED, *words]))
        return since, told

    def wait(self, seconds: float = PATIENCE, look: Callable[[], object] = lambda: None) -> None:
        """Until nothing waits any more, looking at it now and then. Raises Trouble."""

        def idle() -> bool:
            look()
            return not self.ask(WAITING) and not self.ask(OPEN)

        try:
            until(idle, seconds, "the tower's last step")
        except Trouble as trouble:
            raise Trouble(f"{trouble}\n{self.ground.words('tower')}") from None

    def ask(self, question: str, **given: Any) -> Any:
        """One value from its books."""
        row = self._store.execute(question, given).fetchone()
        assert row is not None
        return row[0]

    def steps_since(self, since: datetime) -> float:
        """Steps a second that have ended since then."""
        spent = (datetime.now(UTC) - since).total_seconds()
        return float(self.ask(DONE, since=since) / spent)

    def latency(self, since: datetime, *shares: float, without: str = "") -> list[float]:
        """Milliseconds from received to done, at these shares; `without` leaves a system out."""
        found = self.ask(LATENCY, since=since, shares=list(shares), without=without)
        return [1000 * float(value) for value in found or [float("nan")] * len(shares)]

    def told(self) -> str:
        """How it is configured, for the report."""
        return (
            f"2 engine workers, 1 intake worker, 1 dispatcher; {SYSTEMS} systems, each 50 calls at "
            "a time; every call with intent, lease, fence, attempt and timeline kept; the logs on"
        )
