"""RQ as it is commonly used: one job for each piece of work, in the product's own environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from redis import Redis
from rq import Queue, SimpleWorker

from tests.bench.peers import work

connection = Redis.from_url(os.environ["BENCH_REDIS"])
queue = Queue("bench", connection=connection)


def enqueue(event_id: int) -> None:
    queue.enqueue(work.play, event_id, result_ttl=0)


def enqueue_many(ids: Sequence[int]) -> None:
    for begin in range(0, len(ids), 500):
        jobs = [
            Queue.prepare_data(work.play, (number,), result_ttl=0)
            for number in ids[begin : begin + 500]
        ]
        queue.enqueue_many(jobs)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        SimpleWorker([queue], connection=connection).work(logging_level="WARNING")
    else:
        work.main(enqueue, enqueue_many)
