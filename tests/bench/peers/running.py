"""Let a peer play (a backlog, a producer running, a quiet trickle) and look at its books."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.bench.cpu import Meter
from tests.bench.ground import Ground, Trouble, until
from tests.bench.peers.catalogue import Peer

MIDDLE = """
SELECT 0.8 * count(*) / nullif(extract(epoch FROM
    percentile_disc(0.9) WITHIN GROUP (ORDER BY at)
    - percentile_disc(0.1) WITHIN GROUP (ORDER BY at)
), 0)
FROM bench_result WHERE event_id BETWEEN %s AND %s
"""
"""Results a second over the middle eight tenths: neither start nor tail counts."""
LATENCY = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM r.at - e.at))
FROM bench_result r JOIN bench_event e ON e.id = r.event_id WHERE e.id BETWEEN %s AND %s
"""
DURING = """
SELECT count(*) FROM bench_result
WHERE event_id BETWEEN %(first)s AND %(last)s
  AND at <= (SELECT max(at) FROM bench_event WHERE id BETWEEN %(first)s AND %(last)s)
"""
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class Books:
    """What is durable of a range of events, and what the stub saw."""

    wanted: int
    kept: int
    calls: int


@dataclass
class Play:
    """One peer on the ground; numbers of events run on from round to round."""

    ground: Ground
    peer: Peer
    first: int

    def prepare(self) -> None:
        """Its environment and its tables. Raises NoEnvironment, Trouble."""
        self.peer.prepare()
        if self.peer.needs_schema:
            self.ground.run(self.peer.name, self.peer.producer("prepare"), {})

    def drain(self) -> tuple[float, float, Books]:
        """Results a second, and CPU milliseconds of each, over a backlog that was there before the
        workers began."""
        first, count = self.first, self.peer.backlog
        self.first += count
        self._feed("backlog", str(first), str(count))
        self.ground.control("reset")
        with self.ground.running(self.peer.module, self.peer.worker_commands()) as workers:
            meter = Meter(self.ground, workers)
            books = self._wait(first, count, meter.look)
        rate = float(self._ask(MIDDLE, first, first + count - 1))
        return rate, meter.milliseconds_each(), books

    def beside_producer(self, seconds: float) -> tuple[float, Books]:
        """Results a second while a producer offers it more than it can do."""
        with self.ground.running(self.peer.module, self.peer.worker_commands()):
            self._warm_up()
            first, count = self._produce(seconds, self.peer.pressed)
            books = self._wait(first, count)
        last = {"first": first, "last": first + count - 1}
        with psycopg.connect(self.ground.database) as store:
            row = store.execute(DURING, last).fetchone()
        assert row is not None
        return row[0] / seconds, books

    def trickle(self, seconds: float, rate: float) -> tuple[float, float, Books]:
        """Milliseconds from kept event to kept result at a given rate: p50 and p99."""
        with self.ground.running(self.peer.module, self.peer.worker_commands()):
            self._warm_up()
            first, count = self._produce(seconds, rate)
            books = self._wait(first, count)
        p50, p99 = self._ask(LATENCY, first, first + count - 1)
        return 1000 * p50, 1000 * p99, books

    def _produce(self, seconds: float, rate: float) -> tuple[int, int]:
        first = self.first
        count = int(self._feed("produce", str(first), str(seconds), str(rate)))
        self.first += count
        return first, count

    def _warm_up(self) -> None:
        """Until the workers have played something: a start is not what is measured."""
        first, count = self._produce(0.5, 20)
        self._wait(first, count)
        self.ground.control("reset")

    def _feed(self, *words: str) -> str:
        return self.ground.run(self.peer.name, self.peer.producer(*words), {})

    def _wait(
        self, first: int, count: int, look: Callable[[int], object] = lambda kept: None
    ) -> Books:
        def kept() -> int:
            with psycopg.connect(self.ground.database) as store:
                row = store.execute(
                    "SELECT count(*) FROM bench_result WHERE event_id BETWEEN %s AND %s",
                    [first, first + count - 1],
                ).fetchone()
            assert row is not None
            look(int(row[0]))
            return int(row[0])

        try:
            until(lambda: kept() >= count, PATIENCE, f"{self.peer.name}'s last result")
        except Trouble as trouble:
            raise Trouble(f"{trouble}\n{self.ground.words(self.peer.module)}") from None
        return Books(count, kept(), self.ground.calls())

    def _ask(self, question: str, first: int, last: int) -> Any:
        with psycopg.connect(self.ground.database) as store:
            row = store.execute(question, [first, last]).fetchone()
        assert row is not None
        return row[0]
