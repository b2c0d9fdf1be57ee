"""The door: signed, deduplicated, acknowledged after the commit.

Beside it: the machine's own single-row commits, an ASGI answer that keeps nothing, and a webhook as
most would write it, a Django view with one INSERT.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

from controltower.bootstrap import NoEnvironment, make_environments, python_of
from controltower.supervisor.home import free_port, port_answers
from tests.bench import floor
from tests.bench.cpu import Meter
from tests.bench.floor import CPU
from tests.bench.ground import FIRST_PORT, Ground, Trouble, until
from tests.bench.peers import with_n8n
from tests.bench.peers.catalogue import ENVIRONMENTS
from tests.bench.report import Part
from tests.bench.tower.running import DONE, EVERYTHING, STORED, Tower

DJANGO = "bench-django"
RAW, VIEW = "raw ASGI answer, 64 clients", "Django view with one INSERT, 64 clients"
N8N_WEBHOOK = "n8n's webhook, acknowledged, 64 clients"
N8N_ENDED = "n8n, executions ended beside the crowd"
ENDED = "tower, writes ended and read back beside a crowd"
CLIENTS = (32, 64, 256)
MOST_CLIENTS = 64
BATCH, BATCHES_AT_ONCE = 100, 8
BATCHED = f"tower's door, acknowledged, {BATCH} events a request, {BATCHES_AT_ONCE} clients"
SURGE = 5
"""Times the rate at which steps end."""


def measure(ground: Ground, wishes: argparse.Namespace) -> Part:
    """Rounds of floor, plain servers and the door; then a surge with everything running."""
    part, tower = Part("intake"), Tower(ground, "intake")
    tower.prepare()
    part.configured["tower"] = "1 uvicorn process as bin/up starts it; no worker running"
    part.configured["raw ASGI"] = "1 uvicorn process"
    has_view = _has_view(part)
    for _round in range(wishes.rounds):
        floor.measure(ground, part, wishes.seconds / 2)
        _raw(ground, part, wishes.seconds)
        if has_view:
            _view(ground, part, wishes.seconds)
        _door(tower, part, wishes.seconds)
    _n8n(ground, part, wishes.seconds)
    _surge(tower, part, wishes.surge)
    _compare(part)
    return part


def _has_view(part: Part) -> bool:
    try:
        make_environments(ENVIRONMENTS, [DJANGO])
    except NoEnvironment as trouble:
        part.left_out["Django view"] = str(trouble)
        return False
    part.configured["Django view"] = (
        "gunicorn gthread, 2 workers × 16 threads, no middleware, kept connections; neither "
        "signature nor parsing, deduplicated by its key, one commit for each request"
    )
    return True


def crowd(
    ground: Ground, port: int, seconds: float, clients: int, rate: float = 0, batch: int = 0
) -> Any:
    """What a crowd of clients was answered."""
    command = [sys.executable, "-m", "tests.bench.load", str(port), "--clients", str(clients)]
    command += ["--seconds", str(seconds), "--rate", str(rate), "--batch", str(batch)]
    return json.loads(ground.run("load", command, {}))


def _metered(
    ground: Ground, part: Part, who: str, program: Popen[bytes], play: Callable[[], Any]
) -> Any:
    """What a crowd was answered; noted with it, what CPU the program that answered and the run's
    servers used for each event."""
    meter = Meter(ground, [program])
    used = meter.seconds()
    told = play()
    used = meter.seconds() - used
    part.note(who, told["per_second"], "events/s")
    part.note(f"{who}, {CPU}", 1e6 * used / max(told["acknowledged"], 1), "µs")
    return told


def _raw(ground: Ground, part: Part, seconds: float) -> None:
    port = free_port(FIRST_PORT + 3)
    server = [sys.executable, "-m", "uvicorn", "tests.bench.trivial:application", "--port"]
    server += [str(port), "--no-access-log", "--log-level", "warning"]
    with ground.running("raw", [server]) as (program,):
        until(lambda: port_answers(port), 20, "the raw ASGI server")
        told = _metered(
            ground, part, RAW, program, lambda: crowd(ground, port, seconds, MOST_CLIENTS)
        )
        part.note("a crowd's own CPU of each request", told["own_cpu"], "µs")


def _view(ground: Ground, part: Part, seconds: float) -> None:
    port = free_port(FIRST_PORT + 4)
    server = [python_of(ENVIRONMENTS / DJANGO), "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    server += ["--worker-class", "gthread", "--workers", "2", "--threads", "16"]
    server += ["--log-level", "warning", "tests.bench.peers.with_django:application"]
    with ground.running("view", [server]) as (program,):
        until(lambda: port_answers(port), 20, "the Django view")
        crowd(ground, port, 2, 4)
        _metered(ground, part, VIEW, program, lambda: crowd(ground, port, seconds, MOST_CLIENTS))


def _door(tower: Tower, part: Part, seconds: float) -> None:
    with tower.open() as web:

        def saturate(who: str, clients: int, batch: int = 0) -> Any:
            """As fast as they are answered."""
            return _metered(tower.ground, part, who, web,
                            lambda: _crowd(tower, part, seconds, clients, batch=batch))  # fmt: skip

        _crowd(tower, part, 1, 1)
        quiet = _crowd(tower, part, seconds / 2, 1)
        _note_times(part, "quiet, 1 client", quiet)
        fastest = 0.0
        for clients in CLIENTS:
            told = saturate(_saturated(clients), clients)
            _note_times(part, f"saturated, {clients} clients", told)
            fastest = max(fastest, told["per_second"])
        _note_times(part, f"{BATCH} a request", saturate(BATCHED, BATCHES_AT_ONCE, BATCH))
        half = _crowd(tower, part, seconds, MOST_CLIENTS, fastest / 2)
        _note_times(part, "half load, 64 clients", half)


def _saturated(clients: int) -> str:
    return f"tower's door, acknowledged, {clients} clients"


def _crowd(
    tower: Tower, part: Part, seconds: float, clients: int, rate: float = 0, batch: int = 0
) -> Any:
    """A crowd at the door; its stored ones are looked for in the books."""
    since = datetime.now(UTC)
    told = crowd(tower.ground, tower.port, seconds, clients, rate, batch)
    kept = tower.ask(STORED, since=since)
    part.verify(f"door, {clients} clients", wanted=told["stored"], kept=kept)
    return told


def _note_times(part: Part, when: str, told: Any) -> None:
    for share in ("p50", "p99"):
        part.note(f"door, acknowledgement {share}, {when}", told[share], "ms")


def _n8n(ground: Ground, part: Part, seconds: float) -> None:
    """n8n's webhook and what comes of it, once: it starts too slowly for every round."""
    try:
        found = with_n8n.measure(ground, seconds, MOST_CLIENTS)
    except Trouble as trouble:
        part.left_out["n8n"] = str(trouble)
        return
    part.configured["n8n"] = with_n8n.told()
    part.note(N8N_WEBHOOK, found.acknowledged, "events/s")
    part.note(N8N_ENDED, found.executed, "steps/s")
    part.verify("n8n", wanted=found.wanted, kept=found.kept, calls=found.calls)


def _surge(tower: Tower, part: Part, seconds: float) -> None:
    """Many times more events than steps can be played, everything running."""
    with tower.open() as web, tower.running(EVERYTHING):
        begun = datetime.now(UTC)
        until(lambda: tower.ask(DONE, since=begun) > 0, 60, "the tower's first step")
        begun = datetime.now(UTC)
        _crowd(tower, part, 8, MOST_CLIENTS, 2000)
        ended = tower.steps_since(begun)
        part.note(ENDED, ended, "steps/s")
        rate = SURGE * max(ended, 50)
        before = _megabytes(web.pid)
        told = _crowd(tower, part, seconds, MOST_CLIENTS, rate)
        after = _megabytes(web.pid)
    part.note("surge, offered", rate, "events/s")
    part.note("surge, acknowledged", told["per_second"], "events/s")
    _note_times(part, f"surge of {seconds:.0f} s", told)
    part.note("surge, web process before", before, "MB")
    part.note("surge, web process after", after, "MB")
    part.fidelity.append(f"surge: answers by status {told['answers']}, {told['broken']} broken off")


def _megabytes(pid: int) -> float:
    """Resident memory of a process; nan where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return float("nan")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _compare(part: Part) -> None:
    part.compare(_saturated(256), floor.COMMITS_32, goal=1.0)
    part.compare(_saturated(64), floor.COMMITS_32)
    part.compare(BATCHED, floor.COMMITS_32)
    part.compare(_saturated(64), VIEW, goal=10)
    part.compare(f"{VIEW}, {CPU}", f"{_saturated(64)}, {CPU}")
    part.compare(_saturated(64), RAW)
    part.compare(_saturated(64), N8N_WEBHOOK, goal=100)
    part.compare(ENDED, N8N_ENDED, goal=20)
    half = part.figures["door, acknowledgement p99, half load, 64 clients"]
    part.limit(half, at_most=20)
    surge = next(f for name, f in part.figures.items() if "p99, surge" in name)
    part.limit(surge, at_most=100)
