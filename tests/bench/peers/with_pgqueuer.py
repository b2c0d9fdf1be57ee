"""pgqueuer: the queue is a table of the same PostgreSQL, its driver asyncpg."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from tests.bench.peers import work
from tests.bench.peers.async_work import Player

BATCH = 50


async def run_worker() -> None:
    connecting = asyncpg.create_pool(work.database(), min_size=4, max_size=10)
    async with connecting as pool, Player() as player:
        queue = PgQueuer.from_asyncpg_pool(pool)

        @queue.entrypoint("play")
        async def play(job: Job) -> None:
            await player.play(int(job.payload or b""))

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queue.shutdown.set)
        await queue.run(batch_size=BATCH, dequeue_timeout=timedelta(seconds=1))


def produce() -> None:
    loop = asyncio.new_event_loop()
    store = loop.run_until_complete(asyncpg.connect(work.database()))
    queries = Queries.from_asyncpg_connection(store)
    if sys.argv[1] == "prepare":
        loop.run_until_complete(queries.install())
        return

    def enqueue(event_id: int) -> None:
        loop.run_until_complete(queries.enqueue("play", str(event_id).encode()))

    def enqueue_many(ids: Sequence[int]) -> None:
        for begin in range(0, len(ids), 500):
            some = [str(number).encode() for number in ids[begin : begin + 500]]
            loop.run_until_complete(
                queries.enqueue(["play"] * len(some), list(some), [0] * len(some))
            )

    work.main(enqueue, enqueue_many)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        uvloop.run(run_worker())
    else:
        produce()
