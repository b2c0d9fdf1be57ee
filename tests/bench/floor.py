"""What the machine itself gives, right now: commits, COPY, claims. Nothing of the product.

`pgbench` counts the commits: it is a C program, so that the floor is PostgreSQL's and the disk's
and not a client's.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import psycopg

from tests.bench.cpu import Meter
from tests.bench.ground import Ground
from tests.bench.report import Part

SCHEMA = """
DROP TABLE IF EXISTS bench_floor;
CREATE TABLE bench_floor (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL, lease timestamptz
)
"""
BODY = "x" * 600
CLAIM = """
UPDATE bench_floor SET lease = now() + interval '60 seconds' WHERE id IN (
    SELECT id FROM bench_floor WHERE lease IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED)
"""
COMMITS_1 = "single-row durable commits, 1 connection"
COMMITS_32 = "single-row durable commits, 32 connections"
CPU = "CPU of each"


def measure(ground: Ground, part: Part, seconds: float) -> None:
    """One round of all floors."""
    prepare(ground)
    with psycopg.connect(ground.database, autocommit=True) as store:
        part.note(COMMITS_1, commits(ground, 1, seconds), "rows/s")
        meter = Meter(ground, [])
        used, length = meter.seconds(), round(seconds) or 1
        rate = commits(ground, 32, length)
        part.note(COMMITS_32, rate, "rows/s")
        each = 1e6 * (meter.seconds() - used) / (rate * length)
        part.note(f"{COMMITS_32}, {CPU} (PostgreSQL alone)", each, "µs")
        store.execute("TRUNCATE bench_floor")
        part.note("COPY, 1,000 rows a commit", _copy(store, seconds / 2), "rows/s")
        store.execute("ANALYZE bench_floor")
        part.note("claim with SKIP LOCKED, 100 rows a commit", _claim(store), "rows/s")


def prepare(ground: Ground) -> None:
    """An empty table."""
    with psycopg.connect(ground.database, autocommit=True) as store:
        store.execute(SCHEMA)


def commits(ground: Ground, connections: int, seconds: float) -> float:
    """Durable single-row inserts a second, by pgbench."""
    script = Path(ground.directory) / "insert.sql"
    script.write_text(f"INSERT INTO bench_floor (body) VALUES ('{BODY}');\n")
    pgbench = str(ground.servers.postgres.programs / "bin" / "pgbench")
    command = [pgbench, "-n", "-M", "prepared", "-f", str(script), "-T", str(round(seconds) or 1)]
    command += ["-c", str(connections), "-j", str(min(connections, 2)), ground.database]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


def _copy(store: psycopg.Connection, seconds: float) -> float:
    begun, rows = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        with store.cursor().copy("COPY bench_floor (body) FROM STDIN") as copy:
            for _ in range(1000):
                copy.write_row((BODY,))
        rows += 1000
    return rows / (time.perf_counter() - begun)


def _claim(store: psycopg.Connection, most: int = 200) -> float:
    begun, rows = time.perf_counter(), 0
    for _ in range(most):
        taken = store.execute(CLAIM).rowcount
        rows += taken
        if not taken:
            break
    return rows / (time.perf_counter() - begun)
