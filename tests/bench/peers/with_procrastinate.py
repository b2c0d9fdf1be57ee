"""Procrastinate: the queue is a table of the same PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from tests.bench.peers import work
from tests.bench.peers.async_work import Player

CONCURRENCY = 50
app = App(connector=PsycopgConnector(conninfo=work.database(), min_size=4, max_size=20))
players: list[Player] = []


@app.task(name="play")
async def play(event_id: int) -> None:
    await players[0].play(event_id)


async def run_worker() -> None:
    async with app.open_async(), Player() as player:
        players.append(player)
        await app.run_worker_async(concurrency=CONCURRENCY, delete_jobs="successful")


def produce() -> None:
    calm = SyncPsycopgConnector(conninfo=work.database())
    with app.replace_connector(calm), app.open():
        if sys.argv[1] == "prepare":
            app.schema_manager.apply_schema()
            return

        def enqueue_many(ids: Sequence[int]) -> None:
            for begin in range(0, len(ids), 500):
                play.batch_defer(*({"event_id": number} for number in ids[begin : begin + 500]))

        work.main(lambda number: play.defer(event_id=number), enqueue_many)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        asyncio.run(run_worker())
    else:
        produce()
