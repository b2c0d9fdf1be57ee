"""What the two workers do, commit by commit, and what may become of them and of their requests."""

from __future__ import annotations

from collections.abc import Iterator

from controltower.canonical.verdicts import Effect
from controltower.transactions.protocol import CLAIMABLE, MOST_DEATHS, Purpose, State
from controltower.transactions.resolver import unheard
from tests.model.change import (
    AWAKE,
    Next,
    answer,
    enter,
    fault,
    fenced,
    hand,
    on_its_way,
    put,
    waiting,
    work,
)
from tests.model.game import Game
from tests.model.world import IDLE, Lease, Phase, Row, Says, Wait, Worker, World


def moves(game: Game, now: World) -> Iterator[Next]:
    """The next move of each worker, and what may go wrong with it."""
    for number, worker in enumerate(now.workers):
        if number and worker == now.workers[0]:
            continue
        if worker.phase is Phase.IDLE:
            if now.jobs:
                yield work("a worker takes the job", hand(now, number, AWAKE, jobs=-1))
            continue
        yield from _work(game, now, number, worker)
        if game.may_fail:
            yield from _faults(game, now, number, worker)
            yield _kill(now, number, worker)


def _work(game: Game, now: World, number: int, worker: Worker) -> Iterator[Next]:
    match worker.phase:
        case Phase.AWAKE:
            yield from _claim(game, now, number)
        case Phase.CLAIMED:
            yield _prepare(game, now, number, worker)
        case Phase.INTENDED:
            yield from _call(game, now, number, worker)
        case Phase.SENT:
            yield from _arrive(game, now, number, worker)
        case Phase.ANSWERED:
            yield from _settle(game, now, number, worker)


def _faults(game: Game, now: World, number: int, worker: Worker) -> Iterator[Next]:
    match worker.phase:
        case Phase.CLAIMED:
            yield from _refuse(game, now, number, worker)
        case Phase.INTENDED if worker.in_time:
            yield from _fail_to_ask(now, number, worker)
        case Phase.SENT:
            yield from _fail_to_arrive(now, number, worker)
        case Phase.ANSWERED if worker.says is Says.DONE and worker.purpose is Purpose.SEND:
            lost = worker._replace(says=Says.UNKNOWN)
            yield fault("its answer is lost", hand(now, number, lost))


def _claim(game: Game, now: World, number: int) -> Iterator[Next]:
    due = [step for step in range(len(now.rows)) if game.claimable(now, step)]
    for step in due:
        after = fenced(put(now, step, now.rows[step]._replace(lease=Lease.LIVE)), step)
        mine = Worker(Phase.CLAIMED, step, ours=True)
        which = "the step" if len(now.rows) == 1 else f"step {step + 1}"
        yield work(f"a worker claims {which}", hand(after, number, mine))
    if not due:
        yield work("a worker finds nothing due", hand(now, number, IDLE))


def _prepare(game: Game, now: World, number: int, worker: Worker) -> Next:
    step, row = worker.step, game.recipe.aged(now.rows[worker.step])
    if not worker.ours or row.lease is Lease.NONE or row.state not in CLAIMABLE:
        return work("a worker sees that the step has moved", hand(now, number, AWAKE))
    deaths = row.counts.deaths + row.left_open
    row = row._replace(left_open=False, counts=row.counts._replace(deaths=deaths))
    if deaths >= MOST_DEATHS:
        row = row._replace(state=State.PARKED, kind=unheard(row.effect), lease=Lease.NONE)
        return work("it has stopped three: parked", hand(put(now, step, row), number, AWAKE))
    purpose = game.recipe.purpose(row)
    if purpose is Purpose.SEND and game.waits(now, step):
        row = row._replace(lease=Lease.NONE, due=Wait.SOON)
        return work("its business key is busy", hand(put(now, step, row), number, AWAKE))
    ready = worker._replace(phase=Phase.INTENDED, purpose=purpose, came_from=row.state)
    if purpose is Purpose.SEND:
        ready = ready._replace(looks=game.recipe.looks_first(row))
        row = game.recipe.intended(row)
        ready = ready._replace(key=game.recipe.key(row))
    return work(f"its intent ({purpose}) is committed", hand(put(now, step, row), number, ready))


def _refuse(game: Game, now: World, number: int, worker: Worker) -> Iterator[Next]:
    """A rule of ours says no; what may be in the target stays in doubt."""
    row = now.rows[worker.step]
    if worker.ours and row.state is State.SCHEDULED:
        kind = game.recipe.refused_here(row)
        row = row._replace(state=State.PARKED, kind=kind, lease=Lease.NONE)
        after = hand(put(now, worker.step, row), number, AWAKE)
        yield fault(f"a rule refuses it: parked ({kind})", after)


def _call(game: Game, now: World, number: int, worker: Worker) -> Iterator[Next]:
    row, target = now.rows[worker.step], now.targets[worker.step]
    if not worker.in_time:
        if game.recipe.holds(row, worker):
            assert worker.came_from is not None
            row = row._replace(state=worker.came_from, lease=Lease.NONE, due=Wait.SOON)
        after = hand(put(now, worker.step, row), number, AWAKE)
        yield work("its time is too short: not sent", after)
    elif worker.purpose is not Purpose.SEND:
        yield from _ask(game, now, number, worker)
    elif worker.looks and game.looked_up(target) is Says.DONE:
        yield work("it is found before it is sent", answer(now, number, worker, Says.DONE))
    else:
        gone = worker._replace(phase=Phase.SENT)
        yield work("the request leaves", hand(now, number, gone))


def _ask(game: Game, now: World, number: int, worker: Worker) -> Iterator[Next]:
    target = now.targets[worker.step]
    if worker.purpose is Purpose.READ_BACK:
        said = Says.DONE if target.effects else Says.ABSENT
        yield work(f"read back, it is {_word(said)}", answer(now, number, worker, said))
        return
    numbered = now.rows[worker.step].numbered
    said = game.looked_up(target, numbered=numbered)
    yield work(f"asked, the target says {_word(said)}", answer(now, number, worker, said))
    if game.offer.effect is Effect.UNREPEATABLE and not numbered:
        unfounded = answer(now, number, worker, Says.ABSENT)
        yield work("asked, the target says absent, and cannot know", unfounded)


def _fail_to_ask(now: World, number: int, worker: Worker) -> Iterator[Next]:
    if worker.purpose is Purpose.SEND:
        yield fault("the target is not reached", answer(now, number, worker, Says.UNREACHED))
        return
    yield fault("the question gets no answer", answer(now, number, worker, Says.LATER))
    yield fault("the question is refused", answer(now, number, worker, Says.MISSET))
    yield fault("the sign-in is refused", answer(now, number, worker, Says.STRANGER))
    row, there = now.rows[worker.step], now.targets[worker.step].effects
    if there and (worker.purpose is Purpose.READ_BACK or row.numbered):
        yield fault("what is read differs", answer(now, number, worker, Says.DIFFERS))


def _arrive(game: Game, now: World, number: int, worker: Worker) -> Iterator[Next]:
    target = game.landed(now.targets[worker.step], worker.key)
    there = answer(enter(now, worker.step, target), number, worker, Says.DONE)
    yield work("the request arrives", there)
    if target == now.targets[worker.step]:
        exists = answer(now, number, worker, Says.THERE)
        yield work("the target says it is there already", exists)


def _fail_to_arrive(now: World, number: int, worker: Worker) -> Iterator[Next]:
    yield fault("the request is lost", answer(now, number, worker, Says.UNKNOWN))
    for says in (Says.REFUSED, Says.LATER, Says.MISSET, Says.STRANGER):
        text = f"the request is turned away ({_word(says)})"
        yield fault(text, answer(now, number, worker, says))
    target = now.targets[worker.step]
    same = [w for w in now.workers if w.phase is Phase.SENT and w.step == worker.step]
    if len(same) == 1 and not target.effects:
        shut = enter(now, worker.step, target._replace(late=()))
        text = "the period is closed, to late requests too"
        yield fault(text, answer(shut, number, worker, Says.CLOSED))
    late = on_its_way(now, worker.step, worker.key)
    yield fault("the request is late", answer(late, number, worker, Says.UNKNOWN))
    yield fault("the target will do it later", answer(late, number, worker, Says.PENDING))


def _settle(game: Game, now: World, number: int, worker: Worker) -> Iterator[Next]:
    """What was confirmed is read back at once, in the same commit, or left to whoever claims it."""
    row = now.rows[worker.step]
    text = f"the answer ({_word(worker.says)}) is settled"
    if not game.recipe.counts(row, worker):
        yield work(f"{text}: it does not count", hand(now, number, AWAKE))
        return
    settled = _settled(game, row, worker)
    after = waiting(put(now, worker.step, settled), worker.step)
    yield work(f"{text}: {settled.state}", hand(after, number, AWAKE))
    if game.recipe.reads_back_at_once(settled, worker):
        after = put(now, worker.step, settled._replace(lease=row.lease))
        goes_on = Worker(Phase.INTENDED, worker.step, ours=True, in_time=worker.in_time,
                         purpose=Purpose.READ_BACK, came_from=settled.state)  # fmt: skip
        yield work(f"{text}: {settled.state}, and read back", hand(after, number, goes_on))


def _settled(game: Game, row: Row, worker: Worker) -> Row:
    fate = game.recipe.fate(row, worker)
    sent_blind = fate.state is State.UNKNOWN and worker.purpose is Purpose.SEND
    return row._replace(
        state=fate.state,
        kind=fate.kind,
        counts=fate.counts,
        due=fate.due,
        lease=Lease.NONE,
        quarantined=fate.due is Wait.LONG if sent_blind else row.quarantined,
        acked=row.acked or fate.state in {State.ACKED, State.VERIFIED},
        left_open=False,
    )


def _kill(now: World, number: int, worker: Worker) -> Next:
    after = now
    if worker.phase is Phase.SENT:
        after = on_its_way(after, worker.step, worker.key)
    if worker.phase >= Phase.INTENDED:
        after = put(after, worker.step, after.rows[worker.step]._replace(left_open=True))
    return fault(f"a worker is killed ({worker.phase.name.lower()})", hand(after, number, IDLE))


def _word(says: Says) -> str:
    return says.name.lower()
