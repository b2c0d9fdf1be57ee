"""What happens around the workers: time, the network, people, the doorbell, the sweeper."""

from __future__ import annotations

from collections.abc import Iterator

from controltower.canonical.verdicts import Effect
from controltower.transactions.protocol import FINISHED, STUCK, State
from tests.model.change import (
    Next,
    enter,
    fault,
    fenced,
    hand,
    person,
    planned,
    put,
    waiting,
    work,
)
from tests.model.game import Game
from tests.model.world import Lease, Phase, Wait, World

MOST_JOBS = 2
MOST_PLANS = 2


def moves(game: Game, now: World) -> Iterator[Next]:
    """Everything that happens without a worker."""
    for step in range(len(now.rows)):
        yield from _time(game, now, step)
        yield from _network(game, now, step)
        yield from _replay(game, now, step)
        yield from _look(game, now, step)
        if game.may_fail:
            yield from _forget(game, now, step)
        row = now.rows[step]
        if now.ends and row.state not in FINISHED and row.state is not State.CANCELLED:
            ended = row._replace(state=State.CANCELLED, lease=Lease.NONE)
            yield person("a person ends it", put(now, step, ended)._replace(ends=now.ends - 1))
    if now.jobs and game.may_fail:
        yield fault("a job is lost", now._replace(jobs=now.jobs - 1))
        if now.jobs < MOST_JOBS:
            yield fault("a job is doubled", now._replace(jobs=now.jobs + 1))
    if game.recipe.sweeps:
        yield from _sweep(game, now)


def _time(game: Game, now: World, step: int) -> Iterator[Next]:
    row, target = now.rows[step], now.targets[step]
    if row.due is Wait.SOON:
        yield work("a moment passes", put(now, step, row._replace(due=Wait.NOW)))
    if (row.due is Wait.LONG or row.quarantined) and not game.under_way(now, step):
        due = Wait.NOW if row.due is Wait.LONG else row.due
        after = put(now, step, row._replace(due=due, quarantined=False))
        shown = target._replace(shown=max(target.shown, target.settled))
        yield work("the quarantine passes", enter(after, step, shown))
    if row.lease is not Lease.LIVE:
        return
    over = put(now, step, row._replace(lease=Lease.OVER))
    holder = _holder(now, step)
    if holder is None:
        yield work("the lease runs out", over)
    elif game.may_fail:
        stalled = now.workers[holder]._replace(in_time=False)
        yield fault("a worker stalls past its lease", hand(over, holder, stalled))


def _holder(now: World, step: int) -> int | None:
    for number, worker in enumerate(now.workers):
        if worker.ours and worker.step == step and worker.phase >= Phase.CLAIMED:
            return number
    return None


def _forget(game: Game, now: World, step: int) -> Iterator[Next]:
    """A key's declared time is over. The engine counts it from the first send, less the longest
    that a send can be under way."""
    row, target = now.rows[step], now.targets[step]
    forgetful = game.offer.forgets and row.key_lives and row.sent
    if forgetful and not game.under_way(now, step, since=Phase.INTENDED):
        after = put(now, step, row._replace(key_lives=False))
        yield fault("the key is forgotten", enter(after, step, target._replace(keys=0)))


def _network(game: Game, now: World, step: int) -> Iterator[Next]:
    target = now.targets[step]
    for key in dict.fromkeys(target.late):
        rest = list(target.late)
        rest.remove(key)
        without = target._replace(late=tuple(rest))
        yield work("a late request arrives", enter(now, step, game.landed(without, key)))
        yield work("a late request is lost", enter(now, step, without))
    if game.offer.effect is Effect.LAGGING and target.shown < target.effects:
        shown = target._replace(shown=target.effects)
        yield work("the index catches up", enter(now, step, shown))


def _replay(game: Game, now: World, step: int) -> Iterator[Next]:
    row = now.rows[step]
    if now.replays and row.state in STUCK and len(now.plans) < MOST_PLANS:
        after = planned(now, (*now.plans, (step, True)))
        yield person("a person plans a replay", after._replace(replays=now.replays - 1))
    for plan in dict.fromkeys(plan for plan in now.plans if plan[0] == step):
        rest = list(now.plans)
        rest.remove(plan)
        after = planned(now, tuple(rest))
        if game.recipe.replays(row, ours=plan[1]):
            after = fenced(put(after, step, game.recipe.taken_up(row)), step)
            yield person("a replay is released", after._replace(jobs=max(now.jobs, 1)))
        else:
            yield person("a replay is released: too late, it has moved", after)


def _look(game: Game, now: World, step: int) -> Iterator[Next]:
    """A person looks in the target, and says so later; meanwhile much may have happened."""
    row = now.rows[step]
    settled = not game.under_way(now, step, since=Phase.INTENDED) or not game.recipe.waits_to_look
    if now.findings and settled and game.recipe.for_people_alone(row):
        there = bool(now.targets[step].effects)
        looks = tuple(sorted((*now.looks, (step, True, there))))
        found = "there" if there else "not there"
        after = now._replace(looks=looks, findings=now.findings - 1)
        yield person(f"a person looks in the target: {found}", after)
    for look in dict.fromkeys(look for look in now.looks if look[0] == step):
        rest = list(now.looks)
        rest.remove(look)
        after = now._replace(looks=tuple(rest))
        if game.recipe.believes(row, ours=look[1]):
            said = game.recipe.found(row, there=look[2])
            after = fenced(put(after, step, said), step)
            text = f"they say so: {said.state}"
            yield person(text, after._replace(jobs=max(now.jobs, 1)))
        else:
            yield person("they say so: too late, it has moved", after)


def _sweep(game: Game, now: World) -> Iterator[Next]:
    if not now.jobs and any(game.claimable(now, step) for step in range(len(now.rows))):
        yield work("the sweeper rings", now._replace(jobs=1))
    for step, row in enumerate(now.rows):
        if game.recipe.is_lost(row):
            lost = game.recipe.after_death(row)
            after = waiting(fenced(put(now, step, lost), step), step)
            yield work(f"the sweeper finds a lost lease: {lost.state}", after)
