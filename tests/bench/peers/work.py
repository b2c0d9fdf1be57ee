"""The same durable work for every peer: event kept → HTTP call to the stub → result kept.

Runs in each peer's own environment, so it knows nothing of the product. Every result is a commit of
its own, with fsync on; connections are kept and statements prepared, as a careful author would.
"""

from __future__ import annotations

import http.client
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import psycopg

KEEP_EVENT = "INSERT INTO bench_event (id, payload) VALUES (%s, %s)"
READ_EVENT = "SELECT payload FROM bench_event WHERE id = %s"
KEEP_RESULT = "INSERT INTO bench_result (event_id, answer) VALUES (%s, %s) ON CONFLICT DO NOTHING"
PAYLOAD = '{"customer": "Meridian Harbour Health", "amount": "48200.00", "currency": "EUR"}'
_mine = threading.local()


def database() -> str:
    """The address of the run's PostgreSQL."""
    return os.environ["BENCH_DATABASE"]


def stub() -> str:
    """The address of the far side, without a closing slash."""
    return os.environ["BENCH_STUB"]


def play(event_id: int) -> None:
    """What a job does, for peers with threads or processes. Raises when the call fails."""
    store, wire = _connections()
    row = store.execute(READ_EVENT, [event_id], prepare=True).fetchone()
    assert row is not None
    wire.request("POST", f"/peer/{event_id}", body=PAYLOAD)
    answer = wire.getresponse()
    said = answer.read().decode()
    if answer.status != 200:
        raise RuntimeError(f"the stub answered {answer.status}")
    store.execute(KEEP_RESULT, [event_id, said], prepare=True)


def _connections() -> tuple[psycopg.Connection, http.client.HTTPConnection]:
    """This thread's own, opened when first needed (after any fork)."""
    if getattr(_mine, "process", None) != os.getpid():
        _mine.process = os.getpid()
        _mine.store = psycopg.connect(database(), autocommit=True)
        _mine.wire = http.client.HTTPConnection(urlsplit(stub()).netloc, timeout=20)
    return _mine.store, _mine.wire


def main(enqueue: Callable[[int], object], enqueue_many: Callable[[Sequence[int]], object]) -> None:
    """`backlog FIRST COUNT`, or `produce FIRST SECONDS RATE` (0 = as fast as it goes), which
    prints how many it has produced."""
    wish, first, amount = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with psycopg.connect(database(), autocommit=True) as store:
        if wish == "backlog":
            ids = range(first, first + int(amount))
            keep_all(store, ids)
            enqueue_many(ids)
            return
        produced = 0
        for number in paced(first, amount, float(sys.argv[4])):
            store.execute(KEEP_EVENT, [number, PAYLOAD], prepare=True)
            enqueue(number)
            produced += 1
        print(produced)


def keep_all(store: psycopg.Connection, ids: Sequence[int]) -> None:
    """Keep many events in one commit."""
    with store.transaction(), store.cursor() as cursor:
        cursor.executemany(KEEP_EVENT, [(number, PAYLOAD) for number in ids])


def paced(first: int, seconds: float, rate: float) -> Iterator[int]:
    """Numbers from `first` for so many seconds, evenly spaced at `rate` a second."""
    begun, number = time.monotonic(), first
    while (now := time.monotonic()) - begun < seconds:
        at = begun + (number - first) / rate if rate else now
        if at > now:
            time.sleep(at - now)
        yield number
        number += 1
