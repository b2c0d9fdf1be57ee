"""The only file that speaks to RQ: the doorbell, never the record.

Jobs carry names and ids only, as JSON, and `TowerJob` runs nothing but the functions listed in
`ALLOWED`: a planted job cannot name any other callable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import cache, partial
from time import monotonic, sleep
from typing import Any, ClassVar

import redis
from django.conf import settings
from django.db.transaction import on_commit
from django.utils.module_loading import import_string
from redis.commands.core import Script
from rq import Queue, SimpleWorker, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

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
    "remove_bodies": "controltower.transactions.jobs.remove_bodies",
    "assure": "controltower.measures.jobs.assure",
    "watch": "controltower.measures.jobs.watch",
    "deliver": "controltower.measures.jobs.deliver",
    "write_digests": "controltower.web.digest.write_digests",
    "warn_of_promises": "controltower.web.nearing.warn_of_promises",
}
"""What a worker may be asked to do, and where it is."""
LONGEST = 180
"""Seconds after which a job is ended."""
STILL_RINGING = 15
"""Seconds after which a ring that no worker answered may be repeated."""
LISTENING = 25.0
"""Seconds for which a job listens for further rings."""
SLICE, PRESENT = 0.5, 1.5
"""Seconds between two looks at what else waits, and for which a listener then counts as one."""
RING = """
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', time[1] + time[2] / 1e6)
local here = redis.call('ZCARD', KEYS[2])
if here > 0 and redis.call('LLEN', KEYS[3]) == 0 then
    redis.call('RPUSH', KEYS[3], 1)
    return 0
end
if here > 0 and here >= redis.call('SCARD', KEYS[4]) then return 0 end
return redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) and 1 or 0
"""
"""Calls a job that listens. When one has been called already and not come yet, another worker, if
there is one that does not listen; 1 when that takes a job in the queue."""
LISTEN = """
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] + time[2] / 1e6 + ARGV[2], ARGV[1])
return redis.call('LLEN', KEYS[2])
"""
"""Counts as one who listens; how many jobs wait for a worker."""
LEAVE = """
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('ZCARD', KEYS[1]) > 0 then return 0 end
return redis.call('DEL', KEYS[2])
"""
"""Listens no more; 1 when somebody rang and nobody is left to come."""


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


class OutOfTime(BaseException):
    """The job has taken longer than it may. No `Exception`: it is raised wherever the job happens
    to be, so that whoever takes an exception for the fault of one event or step lets it pass."""


class TimeLimit(UnixSignalDeathPenalty):
    """Ends a job by `OutOfTime`."""

    def __init__(self, timeout: int, *_exception: type[Exception], **options: Any) -> None:
        super().__init__(timeout, OutOfTime, **options)  # type: ignore[no-untyped-call]


class TowerWorker(SimpleWorker):
    """A worker that tells of a failure by its kind and place alone: the words of an exception may
    hold what a system or a sender has said, which belongs neither into Redis nor into a log."""

    death_penalty_class = TimeLimit
    _in_burst = False
    at_work: ClassVar[TowerWorker | None] = None
    """The worker of this process while it performs a job."""

    @property
    def is_leaving(self) -> bool:
        """Whether it stops after its present job: it was told to, or works in a burst."""
        return self._in_burst or bool(self._stop_requested)

    def work(self, burst: bool = False, *args: Any, **options: Any) -> bool:
        """Work until told to stop; in a burst, until no job is left."""
        self._in_burst = burst
        return super().work(burst, *args, **options)

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """Run the job's function, which may ask whose job it is."""
        TowerWorker.at_work = self
        try:
            return super().perform_job(job, queue)
        finally:
            TowerWorker.at_work = None

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
        keys = [_bell(function, ids), _listeners(function), _calls(function)]
        workers = WORKERS_BY_QUEUE_KEY % name
        if _script(RING)(keys=[*keys, workers], args=[STILL_RINGING]):
            path = ALLOWED[function]
            queue(name).enqueue(path, *ids, result_ttl=0, failure_ttl=3600, job_timeout=LONGEST)
    except redis.RedisError as error:
        log.warning("bell not rung: %s", type(error).__name__, extra={"job": function})


def answered(function: str, *ids: str) -> None:
    """A worker has come to the door: from now on the bell may ring again."""
    try:
        connection().delete(_bell(function, ids))
    except redis.RedisError as error:
        log.warning("bell not cleared: %s", type(error).__name__, extra={"job": function})


def rings(name: str, function: str) -> Generator[None, None, None]:
    """The ring that began this job, and those that follow while it listens: what a job costs RQ is
    paid once for many. It ends after a
    while, and for other jobs that wait for this worker. While
    Redis is away it yields each second, since anybody may have rung."""
    worker, over = TowerWorker.at_work, monotonic() + LISTENING
    answered(function)
    if worker is None or worker.is_leaving:
        yield
        return
    ear = _Ear(name, function, worker.name)
    try:
        ear.come()
        yield
        while monotonic() < over and not worker.is_leaving:
            heard = ear.hear()
            if heard is None:
                return
            if heard:
                yield
    finally:
        ear.leave()


class _Ear:
    """A job that listens for its function's bell. A listener that dies, or is busy for long, counts
    as one for no more than a moment; whoever rings finds others then."""

    def __init__(self, name: str, function: str, me: str) -> None:
        self._name, self._function, self._me = name, function, me
        self._listeners, self._calls = _listeners(function), _calls(function)

    def come(self) -> None:
        """Count as a listener while the job does what it was rung for."""
        with suppress(redis.RedisError):
            self._others_waiting()

    def hear(self) -> bool | None:
        """Whether it has rung within a moment; None when other jobs wait."""
        try:
            if self._others_waiting():
                return None
            return connection().blpop([self._calls], timeout=SLICE) is not None
        except redis.RedisError as error:
            log.warning("bell not heard: %s", type(error).__name__, extra={"job": self._function})
            sleep(1)
            return True

    def leave(self) -> None:
        """Listen no more. Whoever has rung and was not heard is rung for again."""
        try:
            if _script(LEAVE)(keys=[self._listeners, self._calls], args=[self._me]):
                ring_now(self._name, self._function)
        except redis.RedisError as error:
            log.warning("bell not left: %s", type(error).__name__, extra={"job": self._function})

    def _others_waiting(self) -> int:
        keys = [self._listeners, queue(self._name).key]
        return int(_script(LISTEN)(keys=keys, args=[self._me, PRESENT]))


@cache
def _script(text: str) -> Script:
    return connection().register_script(text)


def _bell(function: str, ids: tuple[str, ...]) -> str:
    return ":".join(("controltower", "bell", function, *ids))


def _listeners(function: str) -> str:
    return f"controltower:listeners:{function}"


def _calls(function: str) -> str:
    return f"controltower:calls:{function}"


def lengths() -> dict[str, int]:
    """How many jobs wait per queue. Raises redis.RedisError when Redis is away."""
    return {name: queue(name).count for name in QUEUES}


def workers() -> int | None:
    """How many workers are alive, or None when Redis is away."""
    try:
        return int(Worker.count(connection=connection()))
    except redis.RedisError:
        return None
