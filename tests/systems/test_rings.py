"""A ring calls a job that listens, else a worker; none is lost between the two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from controltower import queues
from controltower.queues import TowerWorker

QUEUE, FUNCTION = queues.INTAKE, "interpret"


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    queues.connection().flushdb()
    yield
    queues.connection().flushdb()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> TowerWorker:
    """A worker in the middle of a job, as RQ knows it. Patient: the machine may be slow."""
    monkeypatch.setattr(queues, "PRESENT", 600.0)
    monkeypatch.setattr(queues, "LISTENING", 600.0)
    worker = queues.worker(QUEUE)
    _born(worker)
    monkeypatch.setattr(TowerWorker, "at_work", worker)
    return worker


def _born(worker: TowerWorker) -> None:
    """What RQ notes of a worker when it starts."""
    queues.connection().sadd(WORKERS_BY_QUEUE_KEY % QUEUE, worker.key)


def _ring() -> int:
    """Ring once; how many jobs wait then."""
    queues.ring_now(QUEUE, FUNCTION)
    return queues.queue(QUEUE).count


def _takes_its_job() -> None:
    queues.connection().delete(queues.queue(QUEUE).key)
    queues.answered(FUNCTION)


def test_where_nobody_listens_a_worker_is_called_once() -> None:
    assert [_ring(), _ring()] == [1, 1]
    assert list(queues.rings(QUEUE, FUNCTION)) == [None], "outside of a worker nobody waits"
    assert _ring() == 2, "it was answered, so the bell rings again"


def test_a_listener_hears_what_rings_while_it_works_and_while_it_waits(
    worker: TowerWorker,
) -> None:
    rings = queues.rings(QUEUE, FUNCTION)
    next(rings)
    assert [_ring(), _ring()] == [0, 0]
    next(rings)
    assert _ring() == 0
    next(rings)
    worker._stop_requested = True
    assert list(rings) == []
    assert queues.queue(QUEUE).count == 0


def test_what_a_listener_did_not_hear_is_rung_for_when_it_leaves(worker: TowerWorker) -> None:
    rings = queues.rings(QUEUE, FUNCTION)
    next(rings)
    assert _ring() == 0
    worker._stop_requested = True
    assert list(rings) == []
    assert queues.queue(QUEUE).count == 1
    _takes_its_job()
    assert _ring() == 1, "nobody listens any more"


def test_a_job_that_listens_makes_room_for_one_that_waits(worker: TowerWorker) -> None:
    rings = queues.rings(QUEUE, FUNCTION)
    next(rings)
    queues.ring_now(QUEUE, "poll")
    assert list(rings) == []


def test_while_one_is_busy_another_worker_is_called(worker: TowerWorker) -> None:
    next(busy := queues.rings(QUEUE, FUNCTION))
    _born(queues.worker(QUEUE))
    assert _ring() == 0, "the one that listens is called first"
    assert _ring() == 1, "it has not come, and there is another"
    _takes_its_job()
    busy.close()


def test_a_listener_that_is_busy_for_long_counts_as_none(
    worker: TowerWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "PRESENT", 0.0)
    next(rings := queues.rings(QUEUE, FUNCTION))
    assert _ring() == 1
    rings.close()


def test_a_redis_that_forgets_everything_costs_nothing_but_a_job(worker: TowerWorker) -> None:
    next(rings := queues.rings(QUEUE, FUNCTION))
    queues.connection().flushdb()
    assert _ring() == 1
    rings.close()


def test_a_worker_in_a_burst_does_not_wait(
    worker: TowerWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_in_burst", True)
    assert list(queues.rings(QUEUE, FUNCTION)) == [None]
    assert _ring() == 1
