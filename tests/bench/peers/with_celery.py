"""Celery on Redis: acknowledged after the work, redelivered when a worker is lost."""

from __future__ import annotations

import os
from collections.abc import Sequence

from celery import Celery

from tests.bench.peers import work

app = Celery("bench", broker=os.environ["BENCH_REDIS"].replace("unix://", "redis+socket://"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    worker_send_task_events=False,
    broker_pool_limit=10,
    broker_connection_retry_on_startup=True,
)


@app.task(name="play")
def play(event_id: int) -> None:
    work.play(event_id)


def enqueue_many(ids: Sequence[int]) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for number in ids:
            play.apply_async((number,), producer=producer)


if __name__ == "__main__":
    work.main(play.delay, enqueue_many)
