"""Small changes of a world, each making a new one; and who makes a move."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import NamedTuple

from controltower.transactions.protocol import Purpose, State
from tests.model.world import Phase, Row, Says, Target, Wait, Worker, World

AWAKE = Worker(Phase.AWAKE)


class Sort(Enum):
    """Who makes a move: only work, which is also time, goes on by itself."""

    WORK = 0
    FAULT = 1
    PERSON = 2


class Next(NamedTuple):
    """A move in words, who makes it, and the world after it."""

    text: str
    sort: Sort
    world: World


def work(text: str, world: World) -> Next:
    """What happens by itself."""
    return Next(text, Sort.WORK, world)


def fault(text: str, world: World) -> Next:
    """What goes wrong."""
    return Next(text, Sort.FAULT, world)


def person(text: str, world: World) -> Next:
    """What somebody does."""
    return Next(text, Sort.PERSON, world)


def put(now: World, step: int, row: Row) -> World:
    """Commit a step's row."""
    return now._replace(rows=(*now.rows[:step], row, *now.rows[step + 1 :]))


def enter(now: World, step: int, target: Target) -> World:
    """Enter into the target's books."""
    return now._replace(targets=(*now.targets[:step], target, *now.targets[step + 1 :]))


def hand(now: World, number: int, worker: Worker, jobs: int = 0) -> World:
    """One worker is thus now, and so many jobs more wait."""
    other = now.workers[1 - number]
    return now._replace(workers=_pair(worker, other), jobs=now.jobs + jobs)


def answer(now: World, number: int, worker: Worker, says: Says) -> World:
    """A worker's call has come to this."""
    return hand(now, number, worker._replace(phase=Phase.ANSWERED, says=says))


def fenced(now: World, step: int) -> World:
    """The fence was raised: whatever was ours is not any more."""
    first, second = (_late(worker, step) for worker in now.workers)
    plans = tuple((other, ours and other != step) for other, ours in now.plans)
    looks = tuple((other, ours and other != step, there) for other, ours, there in now.looks)
    return planned(now._replace(workers=_pair(first, second), looks=looks), plans)


def planned(now: World, plans: tuple[tuple[int, bool], ...]) -> World:
    """These replays are planned."""
    return now._replace(plans=tuple(sorted(plans)))


def waiting(now: World, step: int) -> World:
    """A long wait may begin: what the target has by now, its index shows by the wait's end."""
    if now.rows[step].due is not Wait.LONG:
        return now
    target = now.targets[step]
    return enter(now, step, target._replace(settled=target.effects))


def on_its_way(now: World, step: int, key: int) -> World:
    """Nobody waits any more for a request that may still arrive."""
    target = now.targets[step]
    return enter(now, step, target._replace(late=tuple(sorted((*target.late, key)))))


def rested(now: World) -> World:
    """The same world, in which a worker that lost its fence, and has no proof to bring, is done
    with its step: nothing that it says will count."""
    first, second = now.workers
    if not _is_spent(first) and not _is_spent(second):
        return now
    left = (AWAKE if _is_spent(worker) else worker for worker in now.workers)
    return now._replace(workers=_pair(*left))


@cache
def _is_spent(worker: Worker) -> bool:
    if worker.ours or worker.phase is Phase.SENT:
        return False
    if worker.phase is Phase.INTENDED:
        return not worker.in_time or worker.purpose is Purpose.READ_BACK
    proof = worker.says is Says.DONE and worker.purpose is not Purpose.READ_BACK
    return worker.phase is Phase.CLAIMED or (worker.phase is Phase.ANSWERED and not proof)


def _late(worker: Worker, step: int) -> Worker:
    return worker._replace(ours=False) if worker.step == step else worker


def _pair(one: Worker, other: Worker) -> tuple[Worker, Worker]:
    """The two in one order: which of them is which never matters."""
    return (one, other) if _rank(one) <= _rank(other) else (other, one)


@cache
def _rank(worker: Worker) -> tuple[int | str, ...]:
    purpose: Purpose | str = worker.purpose or ""
    came_from: State | str = worker.came_from or ""
    flags = (worker.phase, worker.step, worker.ours, worker.in_time)
    return (*flags, str(purpose), str(came_from), worker.key, worker.looks, worker.says)
