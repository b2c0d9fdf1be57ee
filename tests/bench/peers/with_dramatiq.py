"""Dramatiq on Redis: it acknowledges after the work by design."""

from __future__ import annotations

import os
from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.bench.peers import work

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_REDIS"]))


@dramatiq.actor(max_retries=3)
def play(event_id: int) -> None:
    work.play(event_id)


def enqueue_many(ids: Sequence[int]) -> None:
    for number in ids:
        play.send(number)


if __name__ == "__main__":
    work.main(play.send, enqueue_many)
