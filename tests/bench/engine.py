"""The engine: event in → durable record → HTTP call to a 20 ms stub → durable result.

Peers keep an event and a result. The tower keeps besides an intent before every call, a lease with
a fence, an attempt with what was said, and a timeline; and reads every write back.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from controltower.bootstrap import NoEnvironment
from tests.bench import floor
from tests.bench.cpu import Meter
from tests.bench.ground import Ground, Trouble, until
from tests.bench.peers.catalogue import CELERY, DRAMATIQ, PEERS, PGQUEUER, RQ
from tests.bench.peers.running import Books, Play
from tests.bench.report import Part
from tests.bench.tower.process import READ
from tests.bench.tower.running import DISPATCHER, DONE, ENGINE, EVERYTHING, MIDDLE, Tower

ONE_CALL, WRITE = "tower, one call a step", "tower, a write read back (two calls a step)"
STAGES = {ONE_CALL: (READ, 1), WRITE: ("Closed Won", 2)}
BACKLOG = 4000
PRESSED = 2000
"""Events a second that are offered while the producer runs."""
RATES = (20, 200, 1000)
DEAD = "stub-0"
GOALS = {RQ.name: 40.0, CELERY.name: 5.0, DRAMATIQ.name: 1.5, PGQUEUER.name: 1.5}
FIRST = "SELECT min(received_at) FROM transactions_inboundevent WHERE received_at >= %(since)s"
OTHERS_OPEN = """
SELECT (SELECT count(*) FROM transactions_inboundevent WHERE state = 'received') + (
    SELECT count(*) FROM transactions_step step JOIN systems_system system ON system.id = system_id
    WHERE state NOT IN ('verified', 'skipped') AND system.slug <> %(without)s)
"""
WITHIN = (
    "SELECT count(*) FROM transactions_step WHERE state = 'verified' "
    "AND done_at BETWEEN %(since)s AND %(until)s"
)


def measure(ground: Ground, wishes: argparse.Namespace) -> Part:
    """All rounds of draining and of a running producer; then latencies; then fairness."""
    part, tower = Part("engine"), Tower(ground, "engine")
    tower.prepare()
    part.configured["tower"] = tower.told()
    plays = _prepare_peers(ground, part, wishes.peers)
    for _round in range(wishes.rounds):
        part.note(floor.COMMITS_32, _floor(ground, wishes.seconds), "rows/s")
        for name, (stage, calls) in STAGES.items():
            _drain_tower(tower, part, name, stage, calls)
        for play in plays:
            _attempt(part, play, lambda one: _drain_peer(one, part))
        _press_tower(tower, part, wishes.seconds)
        for play in plays:
            _attempt(part, play, lambda one: _press_peer(one, part, wishes.seconds))
    for rate in RATES:
        _latency(tower, part, rate, wishes.seconds)
    for play in plays:
        _attempt(part, play, lambda one: _trickle(one, part, wishes.seconds))
    _fairness(tower, part, wishes.seconds)
    _compare(part)
    return part


def _prepare_peers(ground: Ground, part: Part, names: str) -> list[Play]:
    plays = []
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    for number, peer in enumerate(PEERS, start=1):
        if wanted and not any(name in peer.name.lower() for name in wanted):
            part.left_out[peer.name] = "not wanted in this run"
            continue
        play = Play(ground, peer, number * 10_000_000)
        try:
            play.prepare()
        except (NoEnvironment, Trouble) as trouble:
            part.left_out[peer.name] = str(trouble)
        else:
            part.configured[peer.name] = peer.told()
            plays.append(play)
    return plays


def _attempt(part: Part, play: Play, what: Callable[[Play], None]) -> None:
    """A peer that fails in a round is told of, and does not end the run."""
    try:
        what(play)
    except Trouble as trouble:
        part.left_out[f"{play.peer.name} in a round"] = str(trouble)


def _floor(ground: Ground, seconds: float) -> float:
    floor.prepare(ground)
    return floor.commits(ground, 32, seconds / 2)


def _drain_tower(tower: Tower, part: Part, name: str, stage: str, calls: int) -> None:
    since, told = tower.fill(BACKLOG, stage)
    part.note("tower, events taken in and interpreted", told["interpreted"], "events/s")
    tower.ground.control("reset")
    with tower.running([*ENGINE, DISPATCHER]) as workers:
        meter = Meter(tower.ground, workers)
        tower.wait(look=lambda: meter.look(tower.ask(DONE, since=since)))
    part.note(f"{name}, CPU of each", meter.milliseconds_each(), "ms")
    part.note(f"{name}, draining", float(tower.ask(MIDDLE, since=since)), "steps/s")
    kept, seen = tower.ask(DONE, since=since), tower.ground.calls()
    part.verify(name, wanted=BACKLOG, kept=kept, calls=seen, calls_each=calls)


def _drain_peer(play: Play, part: Part) -> None:
    rate, cpu, books = play.drain()
    part.note(f"{play.peer.name}, CPU of each", cpu, "ms")
    part.note(f"{play.peer.name}, draining", rate, "steps/s")
    _verify(part, play, books)


def _press_tower(tower: Tower, part: Part, seconds: float) -> None:
    with tower.open(), tower.running(EVERYTHING):
        _warm_up(tower)
        since, told = _load(tower, seconds, PRESSED)
        tower.wait()
    done = tower.ask(WITHIN, since=since, until=since + timedelta(seconds=seconds))
    part.note("tower, producer running", done / seconds, "steps/s")
    kept, seen = tower.ask(DONE, since=since), tower.ground.calls()
    part.verify("tower, producer running", wanted=told["stored"], kept=kept, calls=seen,
                calls_each=2)  # fmt: skip


def _press_peer(play: Play, part: Part, seconds: float) -> None:
    rate, books = play.beside_producer(seconds)
    part.note(f"{play.peer.name}, producer running", rate, "steps/s")
    _verify(part, play, books)


def _latency(tower: Tower, part: Part, rate: int, seconds: float) -> None:
    with tower.open(), tower.running(EVERYTHING):
        _warm_up(tower)
        since, told = _load(tower, seconds, rate)
        tower.wait()
    p50, p99 = tower.latency(since, 0.5, 0.99)
    part.note(f"tower, p50 at {rate}/s, received to read back", p50, "ms")
    part.note(f"tower, p99 at {rate}/s, received to read back", p99, "ms")
    part.verify(f"tower at {rate}/s", wanted=told["stored"], kept=tower.ask(DONE, since=since))


def _trickle(play: Play, part: Part, seconds: float) -> None:
    p50, p99, books = play.trickle(seconds, 20)
    part.note(f"{play.peer.name}, p50 at 20/s", p50, "ms")
    part.note(f"{play.peer.name}, p99 at 20/s", p99, "ms")
    _verify(part, play, books)


def _fairness(tower: Tower, part: Part, seconds: float) -> None:
    """One of the systems stops answering: what the others' steps feel of it."""
    with tower.open(), tower.running(EVERYTHING):
        _warm_up(tower)
        for name, delay in (("all well", 20), ("one slow (2 s)", 2_000), ("one dead", 60_000)):
            tower.ground.control("slow", DEAD, str(delay))
            since, _answers = _load(tower, 2 * seconds, 100)
            p95 = _others(tower, since)
            part.note(f"others' p95 at 100/s, {name}", p95, "ms")
        tower.ground.control("slow", DEAD, "20")
        tower.wait()
    for name in ("one slow (2 s)", "one dead"):
        part.compare(f"others' p95 at 100/s, {name}", "others' p95 at 100/s, all well", goal=1.2,
                     at_least=False)  # fmt: skip
    part.fidelity.append("after the dead system came back, all of its steps ended well")


def _warm_up(tower: Tower) -> None:
    """Until the workers have played something: a start is not what is measured."""
    _load(tower, 1, 20)
    tower.wait()
    tower.ground.control("reset")


def _load(tower: Tower, seconds: float, rate: float) -> tuple[datetime, dict[str, Any]]:
    """Signed events at the door, at a rate; when the first was kept, and what was answered."""
    begun = datetime.now(UTC)
    command = [sys.executable, "-m", "tests.bench.load", str(tower.port), "--clients", "32"]
    told = tower.run([*command, "--seconds", str(seconds), "--rate", str(rate)])
    return tower.ask(FIRST, since=begun), json.loads(told)


def _others(tower: Tower, since: datetime) -> float:
    """The 95th percentile of what has nothing to do with the troubled system, to the last one."""
    until(lambda: not tower.ask(OTHERS_OPEN, without=DEAD), 60, "the other systems' last step")
    return tower.latency(since, 0.95, without=DEAD)[0]


def _compare(part: Part) -> None:
    for peer in PEERS:
        goal = GOALS.get(peer.name)
        part.compare(f"{ONE_CALL}, draining", f"{peer.name}, draining", goal=goal)
    for peer in PEERS:
        part.compare(f"{WRITE}, draining", f"{peer.name}, draining")
    for peer in PEERS:
        part.compare(f"{peer.name}, CPU of each", f"{ONE_CALL}, CPU of each")
    for peer in PEERS:
        part.compare("tower, producer running", f"{peer.name}, producer running")
    part.compare(f"{ONE_CALL}, draining", floor.COMMITS_32)
    for peer in PEERS:
        part.compare(f"{peer.name}, p50 at 20/s", "tower, p50 at 20/s, received to read back")


def _verify(part: Part, play: Play, books: Books) -> None:
    part.verify(play.peer.name, wanted=books.wanted, kept=books.kept, calls=books.calls)
