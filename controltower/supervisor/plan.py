"""What runs in a living tower, in the order in which it ends (the highest stage first)."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from controltower.embedded.postgres import APPLICATION, OWNER, Postgres
from controltower.embedded.valkey import Valkey
from controltower.supervisor.child import Child
from controltower.supervisor.credentials import scheme
from controltower.supervisor.home import REPOSITORY, SANDBOX_DOORS, VENDORS, Home, port_answers

POSTGRES_STAGE, VALKEY_STAGE, SANDBOX_STAGE, DISPATCHER_STAGE, WORKER_STAGE, WEB_STAGE = range(6)
WORKERS = (
    ("worker intake", "intake"),
    ("worker feeds", "feeds"),
    ("worker engine 1", "engine"),
    ("worker engine 2", "engine"),
    ("worker replays", "replays"),
)
"""Name and queue: one process serves one queue, since a kill between two queues can lose a job."""


@dataclass(frozen=True)
class Wishes:
    """What the caller asked for on the command line."""

    port: int = 8000
    host: str = "127.0.0.1"
    with_sandbox: bool = True
    sandbox_environment: Path = REPOSITORY / ".venv" / "sandbox"

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the tower."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{host}:{self.port}"


@dataclass
class Servers:
    """The embedded servers that are needed: those for which no address was given."""

    postgres: Postgres | None
    valkey: Valkey | None

    @classmethod
    def needed(cls, home: Home) -> Servers:
        """Look at the environment: an address given by the caller wins."""
        return cls(
            None if os.environ.get("DATABASE_URL") else Postgres(home.path / "postgres"),
            None if os.environ.get("REDIS_URL") else Valkey(home.path / "valkey"),
        )

    def children(self, home: Home) -> list[Child]:
        """The servers as supervised processes."""
        stages = (
            (self.postgres, "PostgreSQL", POSTGRES_STAGE),
            (self.valkey, "Valkey", VALKEY_STAGE),
        )
        return [
            Child(
                name,
                stage,
                server.spawn,
                home.log(server.name),
                is_ready=server.is_ready,
                prepare=server.prepare,
                stop_signal=server.stop_signal,
                grace=60.0,
            )
            for server, name, stage in stages
            if server is not None
        ]

    def addresses(self) -> dict[str, str]:
        """``DATABASE_URL``, ``DATABASE_OWNER_URL`` and ``REDIS_URL`` of the servers prepared."""
        found = {}
        if self.postgres is not None:
            found["DATABASE_URL"] = self.postgres.url(APPLICATION)
            found["DATABASE_OWNER_URL"] = self.postgres.url(OWNER)
            found["CONTROLTOWER_DATABASE_ROLE"] = APPLICATION
        if self.valkey is not None:
            found["REDIS_URL"] = self.valkey.url()
        return found


def environment(home: Home, wishes: Wishes, servers: Servers) -> dict[str, str]:
    """Everything that a process of the product reads, on top of what the caller had set."""
    hosts = ["127.0.0.1", "localhost", "[::1]"]
    hosts += [] if wishes.host in (*hosts, "0.0.0.0", "::") else [wishes.host]  # noqa: S104
    chosen = {
        "CONTROLTOWER_HOME": str(home.path),
        "CONTROLTOWER_PORT": str(wishes.port),
        "CONTROLTOWER_URL": wishes.address,
        "PYTHONUNBUFFERED": "1",
    } | servers.addresses()
    if wishes.with_sandbox:
        sandbox = home.sandbox(wishes.port + 1)
        for name, port in sandbox["ports"].items():
            spoken = scheme(VENDORS[name]) if name in VENDORS else "http"
            chosen[f"SANDBOX_{name.upper()}_URL"] = f"{spoken}://127.0.0.1:{port}"
        for name in VENDORS:
            doors = chosen["SANDBOX_TOWN_CONTROL_URL"]
            chosen[f"SANDBOX_{name.upper()}_CONTROL_URL"] = f"{doors}/{name}"
        chosen |= sandbox["credentials"]
    by_default = {
        "SECRET_KEY": home.secret_key(),
        "CONTROLTOWER_ALLOWED_HOSTS": ",".join(hosts),
    }
    if not wishes.with_sandbox:
        by_default["CONTROLTOWER_FIRM"] = ""
    return by_default | dict(os.environ) | chosen


PAID_AFTER = "120"
"""Seconds after which the pretend firm's clients pay an invoice, in whatever books it is."""
CRM_DOORS = ("salesforce", "control", "salesforce_stream")


def sandbox_children(home: Home, wishes: Wishes, given: dict[str, str]) -> list[Child]:
    """The pretend firm's systems: the CRM with its PSA, the real ERP, and the other vendors."""
    if not wishes.with_sandbox:
        return []
    ports = {
        name: int(given[f"SANDBOX_{name.upper()}_URL"].rpartition(":")[2]) for name in SANDBOX_DOORS
    }
    data = home.path / "sandbox"
    crm = ["integrations.sandbox.salesforce", "--port", str(ports["salesforce"])]
    crm += ["--data", str(data / "salesforce.db"), "--control-port", str(ports["control"])]
    crm += ["--stream-port", str(ports["salesforce_stream"])]
    erp = ["integrations.sandbox.tryton", "--port", str(ports["tryton"])]
    erp += ["--data", str(data / "tryton"), "--sandbox-env", str(wishes.sandbox_environment)]
    erp += ["--control-port", str(ports["tryton_control"]), "--paid-after", PAID_AFTER]
    town = ["integrations.sandbox.town", "--data", str(data)]
    town += ["--control-port", str(ports["town_control"]), "--paid-after", PAID_AFTER]
    return [
        _module("sandbox CRM and PSA", SANDBOX_STAGE, home, given, crm,
                lambda: all(port_answers(ports[name]) for name in CRM_DOORS)),
        _module("sandbox ERP", SANDBOX_STAGE, home, given, erp,
                lambda: port_answers(ports["tryton"])),
        _module("sandbox vendors", SANDBOX_STAGE, home, given, town,
                lambda: all(port_answers(ports[name]) for name in ("town_control", *VENDORS))),
    ]  # fmt: skip


def product_children(home: Home, wishes: Wishes, given: dict[str, str]) -> list[Child]:
    """The product itself: dispatcher, workers, web."""
    web = ["controltower.web.server", "--host", wishes.host, "--port", str(wishes.port)]
    workers = [
        _command(name, WORKER_STAGE, home, given, ["worker", queue]) for name, queue in WORKERS
    ]
    return [
        _command("dispatcher", DISPATCHER_STAGE, home, given, ["dispatcher"]),
        *workers,
        _module("web", WEB_STAGE, home, given, web, lambda: web_answers(wishes.port)),
    ]


def web_answers(port: int, path: str = "/readyz") -> bool:
    """Whether the web process says that it and what it needs are ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path, headers={"Host": f"127.0.0.1:{port}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def manage(*words: str) -> list[str]:
    """The command line of a management command in this environment."""
    return [sys.executable, str(REPOSITORY / "manage.py"), *words]


def _command(name: str, stage: int, home: Home, given: dict[str, str], words: list[str]) -> Child:
    return Child(name, stage, spawner(manage(*words), given), home.log(name))


def _module(
    name: str,
    stage: int,
    home: Home,
    given: dict[str, str],
    words: list[str],
    is_ready: Callable[[], bool],
) -> Child:
    command = [sys.executable, "-m", *words]
    return Child(name, stage, spawner(command, given), home.log(name), is_ready=is_ready)


def spawner(
    command: list[str], given: dict[str, str]
) -> Callable[[IO[bytes]], subprocess.Popen[bytes]]:
    """How to begin ``command`` from the repository, in its own session, with ``given`` set."""

    def spawn(log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=REPOSITORY,
            env=given,
            start_new_session=True,
        )

    return spawn
