"""The only file that speaks to RQ: the doorbell, never the record.

Jobs carry names and ids only, as JSON, and `TowerJob` runs nothing but the functions listed in
`ALLOWED`: a planted job cannot name any other callable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import redis
from django.conf import settings
from django.db.transaction import on_commit
from django.utils.module_loading import import_string
from rq import Queue, SimpleWorker, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

log = logging.getLogger(__name__)

INTAKE, FEEDS, ENGINE, REPLAYS = QUEUES = ("intake", "feeds", "engine", "replays")
ALLOWED = {
    "interpret": "controltower.transactions.jobs.interpret",
    "drain": "controltower.transactions.jobs.drain",
    "poll": "controltower.transactions.jobs.poll",
    "plan_replay": "controltower.transactions.jobs.plan_replay",
    "move_replay": "controltower.transactions.jobs.move_replay",
    "watch_periods": "controltower.transactions.jobs.watch_periods",
    "knock": "controltower.transactions.jobs.knock",
    "compare": "controltower.transactions.jobs.compare",
    "follow_interfaces": "controltower.transactions.jobs.follow_interfaces",
    "watch_subscriptions": "controltower.transactions.jobs.watch_subscriptions",
    "assure": "controltower.measures.jobs.assure",
    "watch": "controltower.measures.jobs.watch",
    "deliver": "controltower.measures.jobs.deliver",
    "write_digests": "controltower.web.digest.write_digests",
}
"""What a worker may be asked to do, and where it is."""
STILL_RINGING = 15
"""Seconds after which a ring that no worker answered may be repeated."""


class Forbidden(Exception):
    """A job named a function that is not on the list."""


class TowerJob(Job):
    """A job that only runs allow-listed functions."""

    @property
    def func(self) -> Callable[..., Any] | None:
        """The job's function. Raises Forbidden."""
        if self.func_name is None or self.func_name not in ALLOWED.values():
            raise Forbidden(str(self.func_name)[:120])
        function: Callable[..., Any] = import_string(self.func_name)
        return function


class TowerWorker(SimpleWorker):
    """A worker that tells of a failure by its kind and place alone: the words of an exception may
    hold what a system or a sender has said, which belongs neither into Redis nor into a log."""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Write the fault down as every other one is written down."""
        log.error("job failed", exc_info=exc_info, extra={"job": job.id})

    def handle_job_failure(
        self, job: Job, queue: Queue, started_job_registry: Any = None, exc_string: str = ""
    ) -> None:
        """Keep that the job has failed, without the exception's words."""
        super().handle_job_failure(job, queue, started_job_registry, exc_string="")


@cache
def connection() -> redis.Redis:
    """One cached connection pool per process; short time-outs, since it is only a doorbell."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=30, socket_connect_timeout=2, health_check_interval=30
    )


def queue(name: str) -> Queue:
    """A queue with our serialiser and job class."""
    return Queue(name, connection=connection(), serializer=JSONSerializer, job_class=TowerJob)


def worker(name: str) -> TowerWorker:
    """A worker on exactly one queue: on two, a kill between pop and start loses the job."""
    return TowerWorker(
        [queue(name)], connection=connection(), serializer=JSONSerializer, job_class=TowerJob
    )


def ring(name: str, function: str, *ids: str) -> None:
    """Enqueue after the commit; a bell already ringing for the same matter is not rung twice.

    Failing to ring loses nothing: the dispatcher rings again for whatever is due.
    """
    on_commit(partial(ring_now, name, function, *ids), robust=True)


def ring_now(name: str, function: str, *ids: str) -> None:
    """The same for a caller that knows its commit to be done."""
    try:
        if connection().set(_bell(function, ids), 1, nx=True, ex=STILL_RINGING):
            path = ALLOWED[function]
            queue(name).enqueue(path, *ids, result_ttl=0, failure_ttl=3600, job_timeout=180)
    except redis.RedisError as error:
        log.warning("bell not rung: %s", type(error).__name__, extra={"job": function})


def answered(function: str, *ids: str) -> None:
    """A worker has come to the door: from now on the bell may ring again."""
    try:
        connection().delete(_bell(function, ids))
    except redis.RedisError as error:
        log.warning("bell not cleared: %s", type(error).__name__, extra={"job": function})


def _bell(function: str, ids: tuple[str, ...]) -> str:
    return ":".join(("controltower", "bell", function, *ids))


def lengths() -> dict[str, int]:
    """How many jobs wait per queue. Raises redis.RedisError when Redis is away."""
    return {name: queue(name).count for name in QUEUES}


def workers() -> int | None:
    """How many workers are alive, or None when Redis is away."""
    try:
        return int(Worker.count(connection=connection()))
    except redis.RedisError:
        return None
