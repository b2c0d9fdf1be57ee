"""n8n: a webhook that calls the stub, its executions kept in the same PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from controltower.embedded.postgres import OWNER
from controltower.supervisor.home import free_port
from tests.bench.ground import FIRST_PORT, Ground, Trouble, until
from tests.bench.peers.catalogue import ENVIRONMENTS

FILES = Path(__file__).parent / "n8n"
PLACE = ENVIRONMENTS / "bench-n8n"
SETTLING = 3.0
"""Seconds in which what it was warmed up with ends, so that it is not counted."""
INSTALLING, STARTING, FINISHING = 600.0, 120.0, 90.0
"""Seconds after which n8n is left out of the run."""
INSTALL = ["npm", "install", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts"]
DONE = "SELECT count(*) FROM execution_entity WHERE status = 'success'"
RATE = """
SELECT count(*) / nullif(extract(epoch FROM max("stoppedAt") - min("createdAt")), 0)
FROM execution_entity WHERE status = 'success'
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What a crowd at n8n's webhook was answered, and what came of it."""

    acknowledged: float
    executed: float
    wanted: int
    kept: int
    calls: int


def measure(ground: Ground, seconds: float, clients: int) -> Found:
    """A crowd at the webhook for some seconds, then all executions to their end. Raises Trouble
    when n8n cannot be installed, started or brought to its end in time."""
    _install()
    with _running(ground) as (port, store):
        _crowd(ground, port, 2, 1)
        until(lambda: _ask(store, DONE) > 0, FINISHING, "n8n's first execution")
        time.sleep(SETTLING)
        store.execute("TRUNCATE execution_entity CASCADE")
        ground.control("reset")
        told = _crowd(ground, port, seconds, clients)
        wanted = told["acknowledged"]
        with contextlib.suppress(Trouble):  # what is missing then is shown by the books
            until(lambda: _ask(store, DONE) >= wanted, FINISHING, "n8n's last execution")
        kept, rate = int(_ask(store, DONE)), float(_ask(store, RATE) or 0)
        return Found(told["per_second"], rate, wanted, kept, ground.calls())


def told() -> str:
    """Versions and configuration, for the report."""
    version = json.loads((FILES / "package.json").read_text())["dependencies"]["n8n"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return (
        f"n8n {version}, Node {node.stdout.strip()}, main mode, PostgreSQL, every execution saved, "
        "the webhook answers at once, legacy expressions (its own need a native build), xlsx from "
        "the registry; neither signature nor deduplication"
    )


def _install() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        raise Trouble("Node and npm are not on this machine")
    wanted, stamp = (FILES / "package.json").read_text(), PLACE / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    PLACE.mkdir(parents=True, exist_ok=True)
    shutil.copy(FILES / "package.json", PLACE)
    print(f"  n8n: installing from npm, at most {INSTALLING:.0f} s", flush=True)
    try:
        subprocess.run(INSTALL, cwd=PLACE, capture_output=True, check=True, timeout=INSTALLING)
    except subprocess.TimeoutExpired:
        raise Trouble(f"npm needed more than {INSTALLING:.0f} s to install it") from None
    except subprocess.CalledProcessError as failed:
        raise Trouble(f"npm could not install it: {failed.stderr.decode()[-300:]}") from None
    stamp.write_text(wanted)


@contextlib.contextmanager
def _running(ground: Ground) -> Iterator[tuple[int, psycopg.Connection]]:
    port = free_port(FIRST_PORT + 5)
    with psycopg.connect(ground.servers.postgres.url(OWNER), autocommit=True) as store:
        store.execute("DROP DATABASE IF EXISTS n8n WITH (FORCE)")
        store.execute("CREATE DATABASE n8n")
    environment, n8n = _environment(ground, port), str(PLACE / "node_modules" / ".bin" / "n8n")
    workflow = f"--input={FILES / 'workflow.json'}"
    ground.run("n8n import", [n8n, "import:workflow", workflow], environment)
    ground.run("n8n update", [n8n, "update:workflow", "--id=bench", "--active=true"], environment)
    address = ground.servers.postgres.url(OWNER, "n8n")
    with (
        ground.running("n8n", [[n8n, "start"]], environment),
        psycopg.connect(address, autocommit=True) as store,
    ):
        until(lambda: _answers(ground, port), STARTING, "n8n")
        yield port, store


def _environment(ground: Ground, port: int) -> dict[str, str]:
    at = urlsplit(ground.servers.postgres.url(OWNER, "n8n"))
    return {
        "DB_TYPE": "postgresdb",
        "DB_POSTGRESDB_HOST": unquote(dict(parse_qsl(at.query))["host"]),
        "DB_POSTGRESDB_DATABASE": "n8n",
        "DB_POSTGRESDB_USER": str(at.username),
        "DB_POSTGRESDB_PASSWORD": str(at.password),
        "DB_POSTGRESDB_POOL_SIZE": "10",
        "N8N_USER_FOLDER": str(ground.directory),
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_PORT": str(port),
        "N8N_ENCRYPTION_KEY": secrets.token_hex(16),
        "N8N_DIAGNOSTICS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
        "N8N_TEMPLATES_ENABLED": "false",
        "N8N_BLOCK_ENV_ACCESS_IN_NODE": "false",
        "EXECUTIONS_DATA_PRUNE": "false",
        "N8N_EXPRESSION_ENGINE": "legacy",
        "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "true",
        "N8N_LOG_LEVEL": "warn",
    }


def _answers(ground: Ground, port: int) -> bool:
    """Whether the webhook is there: n8n listens some time before it is."""
    try:
        return bool(_crowd(ground, port, 0.2, 1)["answers"].get("200"))
    except Trouble:
        return False


def _crowd(ground: Ground, port: int, seconds: float, clients: int) -> Any:
    command = [sys.executable, "-m", "tests.bench.load", str(port), "--path", "/webhook/bench"]
    command += ["--clients", str(clients), "--seconds", str(seconds)]
    command += ["--content-type", "application/json"]
    return json.loads(ground.run("load", command, {}))


def _ask(store: psycopg.Connection, question: str) -> Any:
    row = store.execute(question).fetchone()
    assert row is not None
    return row[0]
